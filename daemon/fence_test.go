package daemon_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
	"virtlock/daemon"
	"virtlock/daemon/daemontest"
)

// newDeafGuest starts a process that ignores SIGTERM.
func newDeafGuest(t testing.TB) *guest {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", `trap "" TERM; exec /bin/sleep infinity`)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	g := &guest{cmd, cmd.Process.Pid}
	t.Cleanup(g.kill)
	eventually(t, "it ignores the signal", func() bool {
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", g.PID))
		return string(name) == "sleep\n"
	})
	return g
}

// guestHouse is a daemon, a guest that holds a disk, a client that sees how
// guests end and one that notices nothing.
type guestHouse struct {
	*daemontest.Daemon
	t            testing.TB
	guest        *guest
	disk         string
	watch, other *jsonConn
}

func newGuestHouse(t testing.TB, g *guest) *guestHouse {
	t.Helper()
	h := &guestHouse{Daemon: daemontest.Start(t), t: t, guest: g, disk: newFile(t, t.TempDir(), "a.img")}
	h.other = registerAs(t, h.Socket, "other")
	h.other.acquire(newFile(t, t.TempDir(), "others.img"))
	registerFor(t, h.Socket, g.PID, api.TiedToProcess).acquire(h.disk)
	h.watch, _ = subscribe(t, h.Socket, `["owner.*","lock.released"]`)
	return h
}

// fence asks for the end of the guest.
func (h *guestHouse) fence(graceMS int) (r api.FenceResult) {
	h.t.Helper()
	h.other.send(`{"id":9,"method":"owner.fence","params":{"pid":%d,"grace_ms":%d,"reason":"split brain"}}`, h.guest.PID, graceMS)
	a := h.other.answer()
	if a.Error != nil {
		h.t.Fatal(a.Error.Message)
	}
	if err := json.Unmarshal(a.Result, &r); err != nil {
		h.t.Fatal(err)
	}
	return r
}

// ends expects the events of a guest that is gone, the last after all others.
func (h *guestHouse) ends() api.Event {
	h.t.Helper()
	for _, want := range []api.EventType{api.EventOwnerExited, api.EventLockReleased} {
		if e := h.watch.answer().Params; e.Type != want || e.Owner.PID != h.guest.PID {
			h.t.Errorf("%+v instead of %s", e, want)
		}
	}
	e := h.watch.answer().Params
	if e.Type != api.EventOwnerFenced || e.Owner.PID != h.guest.PID || e.Owner.Name != "guest" || e.Message != "split brain" || e.Client == 0 {
		h.t.Errorf("%+v instead of %s", e, api.EventOwnerFenced)
	}
	if _, held := h.other.locks()[h.disk]; held {
		h.t.Error("the lock of the dead is held")
	}
	return e
}

// undisturbed fails the test if others noticed anything.
func (h *guestHouse) undisturbed() {
	h.t.Helper()
	h.other.silent()
	if n := len(h.other.locks()); n > 2 {
		h.t.Errorf("%d locks", n)
	}
}

func TestFenceOneThatEnds(t *testing.T) {
	h := newGuestHouse(t, newGuest(t))
	r := h.fence(0)
	if r.Owner.PID != h.guest.PID || r.Owner.Name != "guest" || len(r.Locks) != 1 || r.Locks[0].Name != h.disk || len(r.Locks[0].Holders) != 1 {
		t.Errorf("%+v", r)
	}
	h.ends() // though nobody waits for the process: a zombie has ended
	h.guest.cmd.Wait()
	if s := h.guest.cmd.ProcessState.Sys().(syscall.WaitStatus); s.Signal() != unix.SIGTERM {
		t.Errorf("it ended by %v", s.Signal())
	}
	h.undisturbed()
}

func TestFenceOneThatIsDeaf(t *testing.T) {
	h := newGuestHouse(t, newDeafGuest(t))
	asked := time.Now()
	h.fence(300)
	// The answer came at once, and the lock stays as long as its owner lives.
	if took := time.Since(asked); took > 250*time.Millisecond {
		t.Errorf("answered after %v", took)
	}
	if _, held := h.other.locks()[h.disk]; !held || !h.guest.lives() {
		t.Error("the lock went before its owner did")
	}
	h.undisturbed()
	h.ends()
	if took := time.Since(asked); took < 300*time.Millisecond {
		t.Errorf("it was killed after %v", took)
	}
	h.undisturbed()
}

func TestFenceAtOnce(t *testing.T) {
	h := newGuestHouse(t, newDeafGuest(t))
	h.fence(-1)
	h.ends()
	h.undisturbed()
}

func TestFenceOneThatIsStopped(t *testing.T) {
	h := newGuestHouse(t, newGuest(t))
	if err := unix.Kill(h.guest.PID, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	h.fence(50)
	h.ends()
}

// Asked again it gets less time and never more, and there is one end.
func TestFenceAgain(t *testing.T) {
	h := newGuestHouse(t, newDeafGuest(t))
	h.fence(3_600_000)
	h.fence(7_200_000)
	h.fence(100)
	h.fence(3_600_000)
	h.ends()
	h.watch.silent()
	h.undisturbed()
}

func TestFenceRefuses(t *testing.T) {
	d := daemontest.Start(t)
	c, g := dialJSON(t, d.Socket), newGuest(t)
	registerFor(t, d.Socket, g.PID, api.TiedToProcess)
	refused := func(want api.Code, params string, args ...any) {
		t.Helper()
		if err := c.call("owner.fence", params, args...); codeOf(err) != want {
			t.Errorf("%s: %+v", fmt.Sprintf(params, args...), err)
		}
	}
	refused(api.CodeInvalid, `{"pid":%d,"reason":"x"}`, os.Getpid())
	refused(api.CodeInvalid, `{"pid":1,"reason":"x"}`)
	refused(api.CodeInvalid, `{"pid":0,"reason":"x"}`)
	refused(api.CodeInvalid, `{"pid":-1,"reason":"x"}`)
	refused(api.CodeInvalid, `{"pid":%d}`, g.PID)
	refused(api.CodeInvalid, `{"pid":%d,"reason":" "}`, g.PID)
	refused(api.CodeInvalid, `{"pid":%d,"reason":"a\nb"}`, g.PID)
	refused(api.CodeInvalid, `{"pid":%d,"reason":%q}`, g.PID, strings.Repeat("x", 1025))
	refused(api.CodeNotFound, `{"pid":%d,"reason":"x"}`, newGuest(t).PID)
	refused(api.CodeNotFound, `{"pid":%d,"reason":"x"}`, deadPID(t))
	c.must("owner.register", `{}`)
	c.must("owner.restrict", `{}`)
	refused(api.CodeRestricted, `{"pid":%d,"reason":"x"}`, g.PID)
	if !g.lives() {
		t.Error("a refusal killed")
	}
}

// The client is another process than the daemon here.
func TestClientDoesNotFenceItselfOrTheDaemon(t *testing.T) {
	d := startChild(t, childConfig{})
	c := registerAs(t, d.Socket, "a")
	for _, pid := range []int{os.Getpid(), d.pid} {
		if err := c.call("owner.fence", `{"pid":%d,"reason":"x","grace_ms":-1}`, pid); codeOf(err) != api.CodeInvalid {
			t.Errorf("%d: %+v", pid, err)
		}
	}
	c.silent()
}

// The owner keeps its pid while nobody waits for it, and another process has it
// soon afterwards: neither is an owner.
func TestFenceOfOneThatHasEnded(t *testing.T) {
	h := newGuestHouse(t, newGuest(t))
	unix.Kill(h.guest.PID, unix.SIGKILL)
	for range 2 {
		h.watch.answer()
	}
	if err := h.other.call("owner.fence", `{"pid":%d,"reason":"x"}`, h.guest.PID); codeOf(err) != api.CodeNotFound {
		t.Errorf("a zombie: %+v", err)
	}
	h.guest.kill()
	if err := h.other.call("owner.fence", `{"pid":%d,"reason":"x"}`, h.guest.PID); codeOf(err) != api.CodeNotFound {
		t.Errorf("one that is gone: %+v", err)
	}
	h.watch.silent()
}

// Who is being ended may give its locks back, and nobody else depends on it. It
// is ended all the same.
func TestFenceOutlivesTheLocks(t *testing.T) {
	h := newGuestHouse(t, newDeafGuest(t))
	h.fence(100)
	c := registerFor(t, h.Socket, h.guest.PID, api.TiedToProcess)
	c.release(h.disk)
	c.Close()
	var last api.Event
	for range 3 { // released, exited, fenced
		last = h.watch.answer().Params
	}
	if last.Type != api.EventOwnerFenced || h.guest.lives() {
		t.Errorf("%+v", last)
	}
}

func TestDaemonEndsBeforeAFence(t *testing.T) {
	g := newDeafGuest(t)
	t.Run("daemon", func(t *testing.T) { newGuestHouse(t, g).fence(0) })
	if !g.lives() {
		t.Error("killed by the daemon's end")
	}
}

// The log says who asked for it, and why.
func TestFenceIsLogged(t *testing.T) {
	file := t.TempDir() + "/log"
	settings := daemon.DefaultSettings()
	settings.LogOutputs = "1:file:" + file
	log, err := daemon.OpenLog(settings, "")
	if err != nil {
		t.Fatal(err)
	}
	g := newGuest(t)
	t.Run("daemon", func(t *testing.T) {
		d := daemontest.StartWith(t, func(c *daemon.Config) { c.Log = log })
		c, _ := subscribe(t, d.Socket, `["owner.fenced"]`)
		c.must("owner.register", `{"owner":{"pid":%d,"name":"web01"}}`, g.PID)
		c.must("owner.fence", `{"pid":%d,"reason":"split brain"}`, g.PID)
		c.answer()
	})
	log.Close()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"split brain", "web01", fmt.Sprintf("client_pid=%d", os.Getpid()), fmt.Sprintf("client_uid=%d", os.Geteuid()), "client=1",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in the log:\n%s", want, text)
		}
	}
}
