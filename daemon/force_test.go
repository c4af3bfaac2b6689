package daemon_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"virtlock/client/api"
	"virtlock/daemon/daemontest"
	"virtlock/daemon/internal/virnet"
)

// force calls lock.force_release.
func (c *jsonConn) force(params string, args ...any) (r api.ForceReleaseResult) {
	c.t.Helper()
	c.send(`{"id":1,"method":"lock.force_release","params":%s}`, fmt.Sprintf(params, args...))
	a := c.answer()
	if a.Error != nil {
		c.t.Fatal(a.Error.Message)
	}
	if err := json.Unmarshal(a.Result, &r); err != nil {
		c.t.Fatal(err)
	}
	return r
}

// forceHouse is a daemon with a guest that holds a disk through libvirt's protocol.
type forceHouse struct {
	*daemontest.Daemon
	guest *guest
	disk  string
	admin *jsonConn
	watch *jsonConn
}

func newForceHouse(t testing.TB) *forceHouse {
	t.Helper()
	h := &forceHouse{Daemon: daemontest.Start(t), guest: newGuest(t), disk: newFile(t, t.TempDir(), "a.img")}
	h.libvirt(t, func(c *rpcConn) error { return c.acquire("", h.disk) })
	h.admin = dialJSON(t, h.Socket)
	h.watch, _ = subscribe(t, h.Socket, `["lock.*"]`)
	return h
}

// libvirt makes a connection as libvirtd does for one call.
func (h *forceHouse) libvirt(t testing.TB, call func(*rpcConn) error) {
	t.Helper()
	c := dialRPC(t, h.Socket)
	defer c.Close()
	if err := c.register(h.guest.PID); err != nil {
		t.Fatal(err)
	}
	if err := call(c); err != nil {
		t.Fatal(err)
	}
}

func TestForceRelease(t *testing.T) {
	h := newForceHouse(t)
	params := `{"resources":[{"lockspace":"","name":%q}],"reason":"storage failed over"%s}`
	// Nothing is taken from an owner that lives unless that is said.
	for _, dry := range []string{``, `,"dry_run":true`} {
		r := h.admin.force(params, h.disk, dry)
		if len(r.Released) != 0 || len(r.Refused) != 1 || !r.Refused[0].Alive || r.Refused[0].Holder.Owner.PID != h.guest.PID {
			t.Errorf("%+v", r)
		}
	}
	r := h.admin.force(params, h.disk, `,"leave_running":true,"dry_run":true`)
	if len(r.Released) != 1 || len(h.admin.locks()) != 1 {
		t.Errorf("%+v", r)
	}
	h.watch.silent()
	waits := registerAs(t, h.Socket, "next")
	waits.startWait(1, "", h.disk)
	h.watch.answer() // it waits
	r = h.admin.force(params, h.disk, `,"leave_running":true`)
	if len(r.Released) != 1 || len(r.Refused) != 0 {
		t.Fatalf("%+v", r)
	}
	hold := r.Released[0]
	if hold.Lock.Name != h.disk || len(hold.Lock.Holders) != 1 || hold.Holder.Owner.Name != "vm" || !hold.Alive || hold.Waiters != 1 {
		t.Errorf("%+v", hold)
	}
	if a := waits.answer(); a.Error != nil {
		t.Error(a.Error.Message)
	}
	seen := map[api.EventType]api.Event{}
	for range 3 {
		e := h.watch.answer().Params
		seen[e.Type] = e
	}
	if e := seen[api.EventLockReleased]; e.Reason != api.ReasonForced || e.Owner.PID != h.guest.PID {
		t.Errorf("%+v", e)
	}
	if e := seen[api.EventLockForced]; e.Message != "storage failed over" || e.Name != h.disk || e.Owner.Name != "vm" || e.Client == 0 {
		t.Errorf("%+v", e)
	}
	if e := seen[api.EventLockAcquired]; e.Owner.Name != "next" {
		t.Errorf("%+v", e)
	}
	if !h.guest.lives() {
		t.Error("the guest was killed")
	}
}

// Who comes to give it back hears of it, in both protocols, as often as it asks, until
// it has the lock again.
func TestLateOwner(t *testing.T) {
	h := newForceHouse(t)
	h.admin.force(`{"owner_pid":%d,"reason":"split brain","leave_running":true}`, h.guest.PID)
	rest := fmt.Sprintf("(pid %d, uid %d) has released it by force at ", os.Getpid(), os.Geteuid())
	want := fmt.Sprintf("Lockspace resource '%s' is not locked: ", h.disk)
	told := func(text string) {
		t.Helper()
		if !strings.HasPrefix(text, want) || !strings.Contains(text, rest) || !strings.HasSuffix(text, ": split brain") {
			t.Errorf("told %q", text)
		}
	}
	other := registerAs(t, h.Socket, "other")
	if code := other.release(h.disk); code != api.CodeNotFound {
		t.Errorf("another owner gets %q", code)
	}
	for _, by := range []string{"nobody", "another"} { // holds it meanwhile
		if by == "another" {
			other.acquire(h.disk)
		}
		late := registerFor(t, h.Socket, h.guest.PID, api.TiedToProcess)
		err := late.call("lock.release", `{"resources":%s}`, resources("", h.disk))
		if codeOf(err) != api.CodeForced || err.Data.Name != h.disk || err.Data.Hint == "" {
			t.Fatalf("%+v", err)
		}
		told(err.Message)
		c := dialRPC(t, h.Socket)
		c.register(h.guest.PID)
		failure, _ := c.release("", h.disk).(*virnet.Error)
		if failure == nil || failure.Code != virnet.CodeResourceBusy || failure.Domain != virnet.DomainLockspace {
			t.Fatalf("%+v", failure)
		}
		told(strings.TrimPrefix(failure.Message, "resource busy: "))
		late.Close()
		c.Close()
	}
	other.release(h.disk)
	late := registerFor(t, h.Socket, h.guest.PID, api.TiedToProcess)
	if code := late.acquire(h.disk); code != "" {
		t.Fatal(code)
	}
	for _, want := range []api.Code{"", api.CodeNotFound} {
		if code := late.release(h.disk); code != want {
			t.Errorf("%q, not %q", code, want)
		}
	}
}

// An owner that has ended has nothing left to take, and is no owner any more.
func TestForceReleaseOfTheDead(t *testing.T) {
	h := newForceHouse(t)
	h.guest.kill()
	eventually(t, "its lock is free", func() bool { return len(h.admin.locks()) == 0 })
	if err := h.admin.call("lock.force_release", `{"owner_pid":%d,"reason":"x"}`, h.guest.PID); codeOf(err) != api.CodeNotFound {
		t.Errorf("%+v", err)
	}
}

// Of a lock that several hold shared, one's holds may be named.
func TestForceReleaseOfOneOwner(t *testing.T) {
	d := daemontest.Start(t)
	disk := newFile(t, t.TempDir(), "a.img")
	guests := []*guest{newGuest(t), newGuest(t)}
	for _, g := range guests {
		c := registerFor(t, d.Socket, g.PID, api.TiedToProcess)
		c.must("lock.acquire", `{"resources":%s}`, resources(api.Shared, disk))
		c.must("lock.acquire", `{"resources":%s}`, resources(api.Shared, disk))
	}
	c := dialJSON(t, d.Socket)
	r := c.force(`{"resources":%s,"owner_pid":%d,"leave_running":true,"reason":"x"}`, resources("", disk), guests[0].PID)
	if len(r.Released) != 2 {
		t.Errorf("%+v", r)
	}
	if left := c.locks()[disk].Holders; len(left) != 2 || left[0].Owner.PID != guests[1].PID {
		t.Errorf("%+v", left)
	}
	// A name that is given twice counts once.
	twice := fmt.Sprintf(`{"lockspace":"","name":%q}`, disk)
	if r := c.force(`{"resources":[%s,%s],"leave_running":true,"reason":"x"}`, twice, twice); len(r.Released) != 2 || len(c.locks()) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestForceReleaseRefuses(t *testing.T) {
	h := newForceHouse(t)
	refused := func(want api.Code, params string, args ...any) {
		t.Helper()
		if err := h.admin.call("lock.force_release", params, args...); codeOf(err) != want {
			t.Errorf("%s: %+v", fmt.Sprintf(params, args...), err)
		}
	}
	disk := resources("", h.disk)
	refused(api.CodeInvalid, `{"reason":"x"}`)
	refused(api.CodeInvalid, `{"resources":%s}`, disk)
	refused(api.CodeInvalid, `{"resources":%s,"reason":" \t"}`, disk)
	refused(api.CodeInvalid, `{"resources":%s,"reason":"a\u001b[2J"}`, disk)
	refused(api.CodeInvalid, `{"resources":%s,"reason":"x","owner_pid":-1}`, disk)
	refused(api.CodeInvalid, `{"resources":%s,"reason":"x","force":true}`, disk)
	refused(api.CodeNotFound, `{"resources":%s,"reason":"x","leave_running":true}`, resources("", h.disk, h.disk+"2"))
	refused(api.CodeNotFound, `{"resources":[{"lockspace":"/nowhere","name":"x"}],"reason":"x"}`)
	refused(api.CodeDenied, `{"resources":%s,"reason":"x","owner_pid":1,"leave_running":true}`, disk)
	refused(api.CodeNotFound, `{"reason":"x","owner_pid":%d}`, deadPID(t))
	h.admin.must("owner.register", `{}`)
	h.admin.must("owner.restrict", `{}`)
	refused(api.CodeRestricted, `{"resources":%s,"reason":"x","leave_running":true}`, disk)
	if len(dialJSON(t, h.Socket).locks()) != 1 {
		t.Error("a refusal released")
	}
}
