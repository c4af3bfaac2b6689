package handover

import (
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
	"time"

	"golang.org/x/sys/unix"
)

// helperEnv makes this test binary another program: one of helpers.
const helperEnv = "HANDOVER_TEST_HELPER"

var helpers = map[string]func(args []string) error{
	"owner":  func([]string) error { return nil },
	"daemon": helpDaemon,
	"hidden": helpHidden,
	"resume": helpResume,
	"again":  helpAgain,
}

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "--keeper" {
		code := 0
		if err := RunKeeper(3); err != nil {
			code = 7
		}
		syscall.Exit(code) // without the second that the race detector waits
	}
	if what := os.Getenv(helperEnv); what != "" {
		if err := helpers[what](os.Args[1:]); err != nil {
			fmt.Println(err)
			syscall.Exit(1)
		}
		fmt.Println("ready")
		io.Copy(io.Discard, os.Stdin) // until the test is done with it
		syscall.Exit(0)
	}
	os.Exit(m.Run())
}

// program is another program, which ends with the test or with kill.
type program struct {
	t      testing.TB
	cmd    *exec.Cmd
	stdin  io.Closer
	answer string // its first line, "ready" if all went well
}

// start runs a helper and waits until it is ready.
func start(t testing.TB, what string, args ...string) *program {
	t.Helper()
	return startAs(t, &syscall.SysProcAttr{}, what, args...)
}

func startAs(t testing.TB, attributes *syscall.SysProcAttr, what string, args ...string) *program {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), helperEnv+"="+what)
	cmd.SysProcAttr = attributes
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	must(t, err)
	out, in, err := os.Pipe()
	must(t, err)
	defer out.Close()
	cmd.Stdout = in
	must(t, cmd.Start())
	in.Close()
	p := &program{t: t, cmd: cmd, stdin: stdin}
	t.Cleanup(p.kill)
	b := make([]byte, 4096)
	n, _ := out.Read(b)
	p.answer = strings.TrimSpace(string(b[:n]))
	return p
}

// ready fails if the helper is not.
func (p *program) ready() *program {
	p.t.Helper()
	if p.answer != "ready" {
		p.t.Fatalf("the helper says %q", p.answer)
	}
	return p
}

func (p *program) pid() int { return p.cmd.Process.Pid }

// kill ends the program, and leaves nothing of it.
func (p *program) kill() {
	if p.cmd.ProcessState == nil {
		p.cmd.Process.Kill()
		p.cmd.Wait()
		p.stdin.Close()
	}
}

// guest starts a process that may own locks.
func guest(t testing.TB) *program {
	t.Helper()
	return start(t, "owner").ready()
}

// identity is a process as an owner.
func identity(t testing.TB, pid int) Owner {
	t.Helper()
	started, err := startedAt(pid)
	must(t, err)
	return Owner{Name: "guest", UUID: "01234567-89ab-cdef-0123-456789abcdef", ID: 7, PID: pid, Start: started}
}

// startedAt is field 22 of /proc/PID/stat, for a command without blanks.
func startedAt(pid int) (uint64, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.Fields(string(b))[21], 10, 64)
}

// locked opens a file and locks it, as a daemon does.
func locked(path string, kind int16) (int, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return -1, err
	}
	return fd, lockFD(fd, kind)
}

func lockFD(fd int, kind int16) error {
	lk := unix.Flock_t{Type: kind, Whence: io.SeekStart, Len: 1}
	return unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &lk)
}

// isLocked asks the kernel by a description of its own.
func isLocked(t testing.TB, path string) bool {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(fd)
	lk := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart, Len: 1}
	must(t, unix.FcntlFlock(uintptr(fd), unix.F_OFD_GETLK, &lk))
	return lk.Type != unix.F_UNLCK
}

// grant locks a file and gives the change that says so.
func grant(t testing.TB, path string, id uint64, o Owner) Change {
	t.Helper()
	fd, err := locked(path, unix.F_WRLCK)
	must(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	return Change{Hold: &Hold{ID: id, Lock: id, FD: fd, Name: path, Owner: o}}
}

// give is the other half of grant: what is left of the lock is the keeper's.
func give(t testing.TB, c Change) {
	t.Helper()
	null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(null)
	must(t, unix.Dup3(null, c.Hold.FD, unix.O_CLOEXEC))
}

func scratch(t testing.TB, name string) string { return filepath.Join(t.TempDir(), name) }

// command makes this test binary the keeper.
func command() Command { return KeeperCommand("virtlockd-test") }

// keep starts a keeper, which ends with the test.
func keep(t testing.TB) (k *Keeper, socket string) {
	t.Helper()
	socket = scratch(t, "keeper-sock")
	k, err := StartKeeper(socket, command())
	must(t, err)
	endWithTest(t, k)
	return k, socket
}

// endWithTest ends a keeper by its pid, whoever is its daemon then.
func endWithTest(t testing.TB, k *Keeper) {
	t.Helper()
	pid, pidfd := k.PID(), reopen(t, k.pidfd)
	t.Cleanup(func() {
		kill(pidfd, limit)
		reap(pid, pidfd)
		unix.Close(pidfd)
	})
}

func reopen(t testing.TB, fd int) int {
	t.Helper()
	again, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	must(t, err)
	return again
}

// find finds a keeper once its former daemon is seen to be gone.
func find(t testing.TB, socket string) (*Keeper, *State, []Hold) {
	t.Helper()
	k, left, err := FindKeeper(socket)
	must(t, err)
	for _, h := range left.State.Holds {
		if h.FD >= 0 {
			t.Cleanup(func() { unix.Close(h.FD) })
		}
	}
	return k, left.State, left.Ended
}

// stop stops a child, and returns when all of its threads stand still.
func stop(t testing.TB, pid int) {
	t.Helper()
	must(t, unix.Kill(pid, unix.SIGSTOP))
	var status unix.WaitStatus
	for {
		_, err := unix.Wait4(pid, &status, unix.WUNTRACED, nil)
		if err != unix.EINTR {
			must(t, err)
			break
		}
	}
	if !status.Stopped() {
		t.Fatalf("process %d has not stopped: %v", pid, status)
	}
}

func ask(t testing.TB, k *Keeper) Kept {
	t.Helper()
	kept, err := k.Ask()
	must(t, err)
	return kept
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, not %v", err, want)
	}
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, not %v", what, got, want)
	}
}

// limit is what a test takes for for ever.
const limit = 10 * time.Second

func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}
