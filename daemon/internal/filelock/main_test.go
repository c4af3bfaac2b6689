package filelock

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// helperEnv makes this test binary another program.
const helperEnv = "FILELOCK_TEST_HELPER"

func TestMain(m *testing.M) {
	if what := os.Getenv(helperEnv); what != "" {
		if kind, ok := strings.CutSuffix(what, " probe"); ok {
			probe(kinds[kind], os.Args[1])
			return
		}
		fmt.Println(help(what, os.Args[1]))
		io.Copy(io.Discard, os.Stdin) // until the test is done with it
		return
	}
	os.Exit(m.Run())
}

var kinds = map[string]int16{"write": unix.F_WRLCK, "read": unix.F_RDLCK}

// help does what the test asked for and says how it went.
func help(what, path string) string {
	kind, command, _ := strings.Cut(what, " ")
	fd, err := unix.Open(path, unix.O_RDWR, 0)
	switch command {
	case "posix":
		lk := lockOn(kinds[kind])
		err = unix.FcntlFlock(uintptr(fd), unix.F_SETLK, &lk)
	case "ofd":
		lk := lockOn(kinds[kind])
		err = unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &lk)
	case "open":
		_, err = Open(Place{Name: path}, false)
	case "crowded":
		// No number is left for another descriptor.
		unix.Close(fd)
		unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(fd), Max: uint64(fd)})
		_, err = Open(Place{Name: path}, false)
	}
	var number unix.Errno
	if errors.As(err, &number) {
		return strconv.Itoa(int(number))
	}
	return fmt.Sprint(err)
}

// program is another program, which ends with the test or with end.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.Closer
	stdout *bufio.Reader
	answer string
}

// start runs another program on a path and waits for its answer: "<nil>" or the
// number of the error.
func start(t *testing.T, what, path string, setup ...func(*exec.Cmd)) *program {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", path)
	// The race detector would delay the end of each by a second.
	cmd.Env = append(os.Environ(), helperEnv+"="+what, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	for _, f := range setup {
		f(cmd)
	}
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	p := &program{t: t, cmd: cmd, stdin: stdin, stdout: bufio.NewReader(stdout)}
	t.Cleanup(p.end)
	line, err := p.stdout.ReadString('\n')
	must(t, err)
	p.answer = strings.TrimSpace(line)
	return p
}

func (p *program) end() {
	if p.cmd.ProcessState == nil {
		p.stdin.Close()
		p.cmd.Wait()
	}
}

func (p *program) pid() int { return p.cmd.Process.Pid }

// asNobody drops all rights.
func asNobody(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, not %v", err, want)
	}
}

// scratch makes an empty file.
func scratch(t *testing.T) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "disk.img")
	must(t, os.WriteFile(p, nil, 0o600))
	return p
}

func open(t *testing.T, p Place) *File {
	t.Helper()
	f, err := Open(p, false)
	must(t, err)
	t.Cleanup(func() {
		if f.fd >= 0 {
			f.Close()
		}
	})
	return f
}

// close closes a file before its test ends.
func (f *File) close(t *testing.T) {
	t.Helper()
	must(t, f.Close())
	f.fd = -1
}

func openPath(t *testing.T, path string) *File {
	t.Helper()
	return open(t, Place{Name: path})
}
