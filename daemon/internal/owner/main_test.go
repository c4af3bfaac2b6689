package owner

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"
)

// helperEnv makes this test binary a program that waits for its standard input
// to end.
const helperEnv = "OWNER_TEST_HELPER"

func TestMain(m *testing.M) {
	if os.Getenv(helperEnv) != "" {
		io.Copy(io.Discard, os.Stdin)
		return
	}
	os.Exit(m.Run())
}

// child is a living process.
type child struct {
	t     testing.TB
	cmd   *exec.Cmd
	stdin io.Closer
}

func start(t testing.TB) *child {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), helperEnv+"=1", "GORACE=atexit_sleep_ms=0")
	stdin, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	c := &child{t, cmd, stdin}
	t.Cleanup(func() { c.kill(); c.reap() })
	return c
}

func (c *child) pid() int { return c.cmd.Process.Pid }

// kill ends the process, and leaves it a zombie.
func (c *child) kill() {
	if c.cmd.ProcessState == nil {
		c.cmd.Process.Kill()
	}
}

// reap waits for the end of the process; then its pid is free.
func (c *child) reap() {
	if c.cmd.ProcessState == nil {
		c.cmd.Wait()
	}
}

func (c *child) find() *Process {
	c.t.Helper()
	p, err := Find(c.pid())
	must(c.t, err)
	return p
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

// watchers counts the goroutines of watchers.
func watchers() int {
	buf := make([]byte, 1<<20)
	return strings.Count(string(buf[:runtime.Stack(buf, true)]), "(*Watcher).run(")
}

// pidfds counts the descriptors of this process that are processes.
func pidfds(t testing.TB) (n int) {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	for _, fd := range all {
		if target, _ := os.Readlink("/proc/self/fd/" + fd.Name()); strings.Contains(target, "pidfd") {
			n++
		}
	}
	return n
}
