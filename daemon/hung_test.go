package daemon_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
	"virtlock/daemon/daemontest"
)

// newHungFile makes a file whose open(2) blocks until goOn is called: somebody
// has a lease on it, fcntl(2).
func newHungFile(t testing.TB, name string) (path string, goOn func()) {
	t.Helper()
	path = newFile(t, t.TempDir(), name)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		t.Fatal(err)
	}
	goOn = sync.OnceFunc(func() { f.Close() })
	t.Cleanup(goOn)
	return path, goOn
}

// hanging counts the threads of this process, and so the daemon's, that wait
// for a lease.
func hanging() (n int) {
	threads, _ := os.ReadDir("/proc/self/task")
	for _, th := range threads {
		at, _ := os.ReadFile("/proc/self/task/" + th.Name() + "/wchan")
		if strings.TrimPrefix(string(at), "__") == "break_lease" {
			n++
		}
	}
	return n
}

// sendTry sends a lock.acquire that does not wait.
func (c *jsonConn) sendTry(name string) {
	c.t.Helper()
	c.send(`{"id":1,"method":"lock.acquire","params":{"resources":%s}}`, resources("", name))
}

// TestManyCallersOfHungStorage: others wait no longer for many callers of
// storage that hangs than for one.
func TestManyCallersOfHungStorage(t *testing.T) {
	const callers = 50
	best := patience
	for range 5 {
		best = min(best, delayBy(t, callers))
	}
	if best > 60*time.Millisecond { // one after another they take 200
		t.Errorf("another client waited %v for %d callers", best, callers)
	}
}

// delayBy is how long a client waits for its lock behind callers of files that
// hang.
func delayBy(t *testing.T, callers int) time.Duration {
	t.Helper()
	d := daemontest.Start(t)
	other, disk := registerAs(t, d.Socket, "other"), newFile(t, t.TempDir(), "disk")
	var stuck []*jsonConn
	var hung []string
	for i := range callers {
		path, goOn := newHungFile(t, fmt.Sprint(i))
		defer goOn()
		stuck, hung = append(stuck, registerAs(t, d.Socket, "stuck")), append(hung, path)
	}
	for i, c := range stuck {
		c.sendTry(hung[i])
	}
	began := time.Now()
	if code := other.acquire(disk); code != "" {
		t.Fatalf("another client: %s", code)
	}
	return time.Since(began)
}

// TestHungStorageIsNotUnhealthy: else the service manager would end a daemon that
// serves all the others.
func TestHungStorageIsNotUnhealthy(t *testing.T) {
	d := daemontest.Start(t)
	for i := range 5 {
		hung, goOn := newHungFile(t, fmt.Sprint(i))
		defer goOn()
		registerAs(t, d.Socket, "stuck").sendTry(hung)
	}
	eventually(t, "all calls hang", func() bool { return hanging() == 5 })
	deaf := registerAs(t, d.Socket, "deaf")
	flood(deaf, []byte(`{"id":1,"method":"lock.list"}`+"\n"))
	for range 100 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if err := d.Healthy(ctx); err != nil {
			t.Error(err)
		}
		cancel()
	}
}

// TestClosedWhileAReaderHangs: storage that hangs keeps no other lock of a
// client that has gone.
func TestClosedWhileAReaderHangs(t *testing.T) {
	for _, when := range []string{"later", "at once"} {
		t.Run(when, func(t *testing.T) {
			d := daemontest.Start(t)
			c, other := registerAs(t, d.Socket, "gone"), registerAs(t, d.Socket, "other")
			disk := newFile(t, t.TempDir(), "disk")
			hung, goOn := newHungFile(t, "hung")
			if code := c.acquire(disk); code != "" {
				t.Fatal(code)
			}
			c.sendTry(hung)
			if when == "later" {
				eventually(t, "the call hangs", func() bool { return hanging() == 1 })
			}
			c.Close()
			eventually(t, "its lock is free", func() bool { return other.acquire(disk) == "" })
			goOn()
			eventually(t, "it has gone", func() bool { return other.status().Clients == 1 })
			if code := other.acquire(hung); code != "" {
				t.Errorf("what the client hung in: %s", code)
			}
		})
	}
}

// TestEndDespiteManyAnswersThatNobodyReads: the daemon waits for a client to
// read, but not for each answer anew.
func TestEndDespiteManyAnswersThatNobodyReads(t *testing.T) {
	var start time.Time
	t.Run("daemon", func(sub *testing.T) {
		d := daemontest.Start(sub)
		held := newFile(t, t.TempDir(), "held")
		h := registerAs(t, d.Socket, "holder") // as the other one it outlives the daemon
		h.acquire(held)
		c := registerAs(t, d.Socket, "deaf")
		for i := range 20 {
			c.startWait(i, api.Exclusive, held)
		}
		flood(c, []byte(`{"id":1,"method":"lock.list"}`+"\n"))
		start = time.Now()
	})
	if took := time.Since(start); took > 2500*time.Millisecond {
		t.Errorf("the daemon ended after %v", took)
	}
}
