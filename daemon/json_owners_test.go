package daemon_test

import (
	"encoding/json"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
	"virtlock/daemon/daemontest"
)

// locks lists what is held, by path.
func (c *jsonConn) locks() map[string]api.Lock {
	c.t.Helper()
	c.send(`{"id":1,"method":"lock.list"}`)
	var r api.LocksResult
	if err := json.Unmarshal(c.answer().Result, &r); err != nil {
		c.t.Fatal(err)
	}
	byPath := make(map[string]api.Lock)
	for _, l := range r.Locks {
		byPath[l.Path] = l
	}
	return byPath
}

// registerFor gives a connection that acts for a process.
func registerFor(t testing.TB, socket string, pid int, tied api.TiedTo) *jsonConn {
	t.Helper()
	c := dialJSON(t, socket)
	c.must("owner.register", `{"owner":{"name":"guest","pid":%d},"tied_to":%q}`, pid, tied)
	return c
}

func TestLocksThatAreTiedToTheirConnection(t *testing.T) {
	d := daemontest.Start(t)
	g := newGuest(t)
	disk := newFile(t, t.TempDir(), "a.img")
	c, other := registerFor(t, d.Socket, g.PID, api.TiedToConnection), registerFor(t, d.Socket, g.PID, api.TiedToConnection)
	c.acquire(disk)
	if code := other.release(disk); code != api.CodeDenied {
		t.Errorf("release by another connection of the same process: %q", code)
	}
	c.Close()
	eventually(t, "the lock is free", func() bool { return len(other.locks()) == 0 })
	if !g.lives() {
		t.Error("the owner was killed")
	}
}

func TestLocksThatAreTiedToTheirProcess(t *testing.T) {
	d := daemontest.Start(t)
	g := newGuest(t)
	disk := newFile(t, t.TempDir(), "a.img")
	watch := dialJSON(t, d.Socket)
	watch.must("event.subscribe", `{"types":["client.closed"]}`)
	c := registerFor(t, d.Socket, g.PID, api.TiedToProcess)
	c.acquire(disk)
	c.Close()
	watch.answer()
	other := registerFor(t, d.Socket, g.PID, api.TiedToProcess)
	if locks := other.locks(); len(locks) != 1 || locks[disk].Holders[0].Owner.PID != g.PID {
		t.Fatalf("after the connection: %v", locks)
	}
	if code := other.release(disk); code != "" {
		t.Errorf("release by another connection: %s", code)
	}
	if !g.lives() {
		t.Error("the owner was killed")
	}
}

func TestCloseFreesOnlyWhatIsTied(t *testing.T) {
	d := daemontest.Start(t)
	dir := t.TempDir()
	tied, kept, others := newFile(t, dir, "tied.img"), newFile(t, dir, "kept.img"), newFile(t, dir, "others.img")
	g := newGuest(t)
	other := registerAs(t, d.Socket, "other")
	other.acquire(others)
	c := registerFor(t, d.Socket, g.PID, api.TiedToConnection)
	c.acquire(tied)
	c.must("owner.register", `{"owner":{"name":"guest","pid":%d},"tied_to":"process"}`, g.PID)
	c.acquire(kept)
	c.Close()
	eventually(t, "what was tied is free", func() bool { _, held := other.locks()[tied]; return !held })
	locks := other.locks()
	if len(locks) != 2 || len(locks[kept].Holders) != 1 || len(locks[others].Holders) != 1 {
		t.Errorf("left are %v", locks)
	}
}

// TestOwnerExit: however a lock was taken, it goes with its owner's process, at
// once, and nobody else's does.
func TestOwnerExit(t *testing.T) {
	d := daemontest.Start(t)
	dir := t.TempDir()
	g, living := newGuest(t), newGuest(t)
	watch := registerFor(t, d.Socket, living.PID, api.TiedToProcess)
	watch.acquire(newFile(t, dir, "living.img"))
	registerFor(t, d.Socket, g.PID, api.TiedToConnection).acquire(newFile(t, dir, "tied.img"))
	registerFor(t, d.Socket, g.PID, api.TiedToProcess).acquire(newFile(t, dir, "process.img"))
	rpc := dialRPC(t, d.Socket)
	rpc.register(g.PID)
	rpc.acquire("", newFile(t, dir, "rpc.img"))
	gone := dialRPC(t, d.Socket)
	gone.register(g.PID)
	gone.acquire("", newFile(t, dir, "gone.img"))
	gone.Close()
	waits := registerFor(t, d.Socket, g.PID, api.TiedToProcess)
	waits.startWait(5, api.Exclusive, dir+"/living.img")

	watch.must("event.subscribe", `{"types":["lock.released","owner.exited"]}`)
	start := time.Now()
	g.kill()
	for range 5 {
		e := watch.answer().Params
		if e.Owner.PID != g.PID || e.Type == api.EventLockReleased && e.Reason != api.ReasonOwnerExited {
			t.Errorf("unexpected %+v", e)
		}
	}
	if took := time.Since(start); took > 200*time.Millisecond {
		t.Errorf("the locks went after %v", took)
	}
	if locks := watch.locks(); len(locks) != 1 {
		t.Errorf("left are %v", locks)
	}
	if a := waits.answer(); codeOf(a.Error) != api.CodeNotFound {
		t.Errorf("the call that waited: %+v", a.Error)
	}
	// A connection that is left gets nothing any more.
	if err := rpc.acquire("", dir+"/rpc.img"); err == nil {
		t.Error("the dead got a lock")
	}
	if !living.lives() {
		t.Error("another owner was killed")
	}
}

func TestDaemonsEndKillsNobody(t *testing.T) {
	g := newGuest(t)
	disk := newFile(t, t.TempDir(), "a.img")
	t.Run("daemon", func(t *testing.T) {
		d := daemontest.Start(t)
		c := dialRPC(t, d.Socket)
		c.register(g.PID)
		if err := c.acquire("", disk); err != nil {
			t.Fatal(err)
		}
	})
	if !g.lives() {
		t.Error("the owner was killed")
	}
}

func TestRootMayActForAnyProcess(t *testing.T) {
	needRoot(t)
	d := daemontest.Start(t)
	registerFor(t, d.Socket, newGuestOf(t, someUser).PID, api.TiedToProcess)
	err := dialJSON(t, d.Socket).call("owner.register", `{"owner":{"pid":%d}}`, deadPID(t))
	if codeOf(err) != api.CodeNotFound {
		t.Errorf("a process that is gone: %+v", err)
	}
}

// someUser is a user without rights.
const someUser = 65534

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("root is needed to act as another user")
	}
}

func TestUserMayActForOwnProcesses(t *testing.T) {
	needRoot(t)
	d := startChild(t, childConfig{uid: someUser})
	c := dialAs(t, someUser, d.Socket)
	c.must("owner.register", `{}`)
	c.must("owner.register", `{"owner":{"pid":%d}}`, newGuestOf(t, someUser).PID)
	roots := newGuest(t)
	err := c.call("owner.register", `{"owner":{"pid":%d}}`, roots.PID)
	if codeOf(err) != api.CodeDenied || !strings.Contains(err.Message, "another user") {
		t.Errorf("a process of another user: %+v", err)
	}
	err = c.call("owner.register", `{"owner":{"pid":%d}}`, deadPID(t))
	if codeOf(err) != api.CodeNotFound {
		t.Errorf("a process that is gone: %+v", err)
	}
	disk := newFile(t, t.TempDir(), "roots.img")
	if code := c.acquire(disk); code != api.CodeDenied {
		t.Errorf("a file that the daemon may not open: %q", code)
	}
}

func TestOtherUsersAreNotServed(t *testing.T) {
	needRoot(t)
	d := startChild(t, childConfig{uid: someUser})
	if !dialJSON(t, d.Socket).ended() {
		t.Error("root is served by a user's daemon")
	}
	if !dialAs(t, someUser-1, d.Socket).ended() {
		t.Error("a user is served by another's daemon")
	}
	dialAs(t, someUser, d.Socket).must("daemon.status", `{}`)
}

// connectAs makes the thread another user's and connects.
func connectAs(uid int, socket string) (net.Conn, error) {
	id := uintptr(uid)
	if _, _, err := unix.RawSyscall(unix.SYS_SETRESUID, id, id, id); err != 0 {
		return nil, err
	}
	return net.Dial("unix", socket)
}

// dialAs connects as another user.
func dialAs(t testing.TB, uid int, socket string) *jsonConn {
	t.Helper()
	if err := os.Chmod(socket, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(strings.TrimSuffix(socket, "/virtlockd-sock"), 0o755); err != nil {
		t.Fatal(err)
	}
	connected := make(chan *jsonConn)
	go func() {
		// The kernel's users are those of a thread, so this one is not used
		// again. It does not end either: it may have started a daemon, and that
		// is killed when the thread that started it ends.
		runtime.LockOSThread()
		if c, err := connectAs(uid, socket); err != nil {
			t.Error(err)
		} else {
			connected <- newJSONConn(t, c)
		}
		close(connected)
		select {}
	}()
	c := <-connected
	if c == nil {
		t.FailNow()
	}
	return c
}
