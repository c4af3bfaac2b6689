package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
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

// ours is the program under test, built for this run. theirs is libvirt's.
var ours string

const theirs = "/usr/sbin/virtlockd"

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "virtlockd")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	os.Chmod(dir, 0o755) // the tests of a session run it as another user
	ours = filepath.Join(dir, "virtlockd")
	if out, err := exec.Command("go", "build", "-race", "-o", ours, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s%v\n", out, err)
		return 1
	}
	if err := watchSources(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if os.Geteuid() != 0 {
		fmt.Fprintln(os.Stderr, "these tests need root, for mount namespaces")
		return 1
	}
	if _, err := os.Stat(theirs); err != nil {
		fmt.Fprintln(os.Stderr, "these tests compare with libvirt's daemon:", err)
		return 1
	}
	// The race detector holds up the end of a program for a second.
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	// Daemons in the background become children of this process, which can then
	// wait for them.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// watchSources reads the directories of the program's sources, which is how the
// go command learns that a result must not be taken from its cache once one of
// them changes: it sees what a test imports, not what it builds and starts.
func watchSources() error {
	for _, dir := range []string{".", "../../daemon"} {
		nothing := func(_ string, _ fs.DirEntry, err error) error { return err }
		if err := filepath.WalkDir(dir, nothing); err != nil {
			return err
		}
	}
	return nil
}

// patience is how long tests wait for what must happen.
const patience = 20 * time.Second

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// host is a place of its own for daemons: they see its directories as /run and
// /var/log, while the test sees them where they are.
type host struct {
	t   *testing.T
	dir string
}

func newHost(t *testing.T) *host {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "vl") // short: it is part of the paths of sockets
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // for the tests of a session
		t.Fatal(err)
	}
	h := &host{t, dir}
	for _, name := range []string{"run", "log", "work"} {
		if err := os.Mkdir(h.path(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h.write("work/virtlockd.conf", "")
	return h
}

// path returns the path of a file of the host.
func (h *host) path(name string) string { return filepath.Join(h.dir, name) }

func (h *host) socket() string      { return h.path("run/libvirt/virtlockd-sock") }
func (h *host) adminSocket() string { return h.path("run/libvirt/virtlockd-admin-sock") }
func (h *host) pidFile() string     { return h.path("run/virtlockd.pid") }

// write writes a file of the host, and makes its directory if needed.
func (h *host) write(name, content string) {
	h.t.Helper()
	if err := os.MkdirAll(filepath.Dir(h.path(name)), 0o755); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(h.path(name), []byte(content), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) read(name string) string {
	h.t.Helper()
	content, err := os.ReadFile(h.path(name))
	if err != nil {
		h.t.Fatal(err)
	}
	return string(content)
}

func (h *host) exists(name string) bool {
	_, err := os.Lstat(h.path(name))
	return err == nil
}

// namespace makes the host's directories what a program sees. The mounts of the
// container may be shared with the outside, so they are made private.
const namespace = `mount --bind "$0/run" /run && mount --bind "$0/log" /var/log && cd "$0/work" && exec "$@"`

// command returns a command that runs a program on the host. It has the PID of
// the program.
func (h *host) command(words ...string) *exec.Cmd {
	args := append([]string{"-m", "--propagation", "private", "sh", "-c", namespace, h.dir}, words...)
	cmd := exec.Command("unshare", args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "GORACE=" + os.Getenv("GORACE")}
	return cmd
}

// daemonWords are those that start a program with an empty configuration, so that
// the machine's own does not matter, and then with the given options.
func daemonWords(program string, options ...string) []string {
	return append([]string{program, "-f", "virtlockd.conf"}, options...)
}

// result is what a program that has ended leaves behind.
type result struct {
	status         int
	stdout, stderr string
}

// run runs a program on the host to its end.
func (h *host) run(words ...string) result {
	h.t.Helper()
	return runCommand(h.t, h.command(words...))
}

func runCommand(t *testing.T, cmd *exec.Cmd) result {
	t.Helper()
	p := startCommand(t, cmd)
	return p.wait()
}

// process is a program that runs.
type process struct {
	t              *testing.T
	cmd            *exec.Cmd
	stdout, stderr *bytes.Buffer
	done           chan struct{} // closed when it has ended
}

func startCommand(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{t, cmd, new(bytes.Buffer), new(bytes.Buffer), make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.stdout, p.stderr
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		cmd.Wait()
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-p.done
	})
	return p
}

// start starts a daemon in the foreground, and waits until it listens.
func (h *host) start(program string, options ...string) *process {
	h.t.Helper()
	return h.startWords(daemonWords(program, options...)...)
}

func (h *host) startWords(words ...string) *process {
	h.t.Helper()
	p := startCommand(h.t, h.command(words...))
	p.awaitSocket(h.adminSocket()) // the last thing that both programs make
	return p
}

// awaitSocket waits until a socket answers.
func (p *process) awaitSocket(path string) {
	p.t.Helper()
	eventually(p.t, path+" answers", func() bool {
		select {
		case <-p.done:
			p.t.Fatalf("ended with status %d: %s", p.cmd.ProcessState.ExitCode(), p.stderr)
		default:
		}
		_, served := servedBy(path)
		return served
	})
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// wait waits for the end.
func (p *process) wait() result {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("%v does not end", p.cmd.Args)
	}
	return result{p.cmd.ProcessState.ExitCode(), p.stdout.String(), p.stderr.String()}
}

// end ends a daemon in order.
func (p *process) end() result {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	r := p.wait()
	if r.status != exitOK {
		p.t.Errorf("ended with status %d: %s", r.status, r.stderr)
	}
	return r
}

// alive reports whether it has not ended.
func (p *process) alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// ask sends a request to a socket and returns the line of the answer.
func ask(t *testing.T, socket, method string) string {
	t.Helper()
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return askOn(t, conn, method)
}

func askOn(t *testing.T, conn net.Conn, method string) string {
	t.Helper()
	conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(conn, `{"jsonrpc":"2.0","id":1,"method":%q}`+"\n", method)
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return line
}

// background returns the PID of a daemon in the background, which is ended after
// the test if it has not ended by then.
func (h *host) background() int {
	h.t.Helper()
	pid, err := strconv.Atoi(h.read("run/virtlockd.pid"))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			h.reap(pid)
		}
	})
	return pid
}

// reap waits for a daemon in the background and returns its exit status.
func (h *host) reap(pid int) int {
	h.t.Helper()
	var status syscall.WaitStatus
	eventually(h.t, "the daemon ends", func() bool {
		reaped, err := syscall.Wait4(pid, &status, syscall.WNOHANG, nil)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			h.t.Fatal(err)
		}
		return reaped == pid
	})
	return status.ExitStatus()
}

func checkContains(t *testing.T, text, want string) {
	t.Helper()
	if !strings.Contains(text, want) {
		t.Errorf("%q is not in %q", want, text)
	}
}
