package daemon_test

import (
	"fmt"
	"strings"
	"testing"

	"virtlock/client/api"
	"virtlock/daemon/daemontest"
	"virtlock/daemon/internal/virnet"
)

func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	c := registerAs(t, daemontest.Start(t).Socket, "a")
	disk := newFile(t, t.TempDir(), "a.img")
	var all strings.Builder
	for i := range 100 {
		method := [...]string{api.LockAcquire, api.LockRelease}[i%2]
		fmt.Fprintf(&all, `{"id":%d,"method":%q,"params":{"resources":%s}}`+"\n", i, method, resources("", disk))
	}
	c.send("%s", all.String())
	for i := range 100 {
		if a := c.answer(); string(a.ID) != fmt.Sprint(i) || a.Error != nil {
			t.Fatalf("answer %s (%v) instead of %d", a.ID, a.Error, i)
		}
	}
}

func TestWaitBlocksNothingElse(t *testing.T) {
	d := daemontest.Start(t)
	disk := newFile(t, t.TempDir(), "a.img")
	a, b := registerAs(t, d.Socket, "a"), registerAs(t, d.Socket, "b")
	a.acquire(disk)
	b.startWait(7, api.Exclusive, disk)
	b.silent()
	if code := b.acquire(newFile(t, t.TempDir(), "b.img")); code != "" {
		t.Errorf("another lock while one waits: %s", code)
	}
	if n := a.status().Waiters; n != 1 {
		t.Errorf("%d wait", n)
	}
	a.release(disk)
	if got := b.answer(); string(got.ID) != "7" || got.Error != nil {
		t.Errorf("answer %s, %v", got.ID, got.Error)
	}
}

func TestWaitTimesOut(t *testing.T) {
	d := daemontest.Start(t)
	disk := newFile(t, t.TempDir(), "a.img")
	a, b := registerAs(t, d.Socket, "a"), registerAs(t, d.Socket, "b")
	a.acquire(disk)
	err := b.call("lock.acquire", `{"resources":%s,"wait_ms":20}`, resources("", disk))
	if codeOf(err) != api.CodeBusy || len(err.Data.Holders) != 1 || err.Data.Holders[0].Owner.Name != "a" {
		t.Errorf("%+v", err)
	}
	if n := b.status().Waiters; n != 0 {
		t.Errorf("%d wait still", n)
	}
}

func TestLimitOfWaits(t *testing.T) {
	d := daemontest.Start(t)
	disk := newFile(t, t.TempDir(), "a.img")
	a, b := registerAs(t, d.Socket, "a"), registerAs(t, d.Socket, "b")
	a.acquire(disk)
	for i := range 64 {
		b.sendAcquire(i, api.Shared, disk)
	}
	b.sendAcquire(64, api.Shared, disk)
	if got := b.answer(); string(got.ID) != "64" || codeOf(got.Error) != api.CodeLimit {
		t.Errorf("the 65th: %s, %v", got.ID, got.Error)
	}
	if n := a.status().Waiters; n != 64 {
		t.Errorf("%d wait", n)
	}
	a.release(disk)
	for range 64 {
		if got := b.answer(); got.Error != nil {
			t.Errorf("%s: %v", got.ID, got.Error)
		}
	}
	// There is room again.
	b.sendAcquire(65, api.Shared, disk)
	if got := b.answer(); got.Error != nil {
		t.Errorf("after the 64: %v", got.Error)
	}
}

func TestListsInOppositeOrder(t *testing.T) {
	d := daemontest.Start(t)
	dir := t.TempDir()
	x, y := newFile(t, dir, "x.img"), newFile(t, dir, "y.img")
	done := make(chan error, 2)
	take := func(c *jsonConn, names ...string) {
		for range 100 {
			c.sendAcquire(1, api.Exclusive, names...)
			if a := c.answer(); a.Error != nil {
				done <- fmt.Errorf("acquire %v: %s", names, a.Error.Message)
				return
			}
			if code := c.release(names...); code != "" {
				done <- fmt.Errorf("release %v: %s", names, code)
				return
			}
		}
		done <- nil
	}
	a, b := registerAs(t, d.Socket, "a"), registerAs(t, d.Socket, "b")
	go take(a, x, y)
	go take(b, y, x)
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestAllOrNothing(t *testing.T) {
	d := daemontest.Start(t)
	dir := t.TempDir()
	x, y := newFile(t, dir, "x.img"), newFile(t, dir, "y.img")
	a, b := registerAs(t, d.Socket, "a"), registerAs(t, d.Socket, "b")
	a.acquire(y)
	err := b.call("lock.acquire", `{"resources":%s}`, resources("", x, y))
	if codeOf(err) != api.CodeBusy || err.Data.Name != y {
		t.Errorf("%+v", err)
	}
	if code := a.acquire(x); code != "" {
		t.Errorf("what the refused one got first: %s", code)
	}
	if code := b.release(x, y); code != api.CodeDenied {
		t.Errorf("release of another's: %q", code)
	}
	if err := a.call("lock.release", `{"resources":%s}`, resources("", x, dir+"/none")); codeOf(err) != api.CodeNotFound {
		t.Errorf("release of what is not held: %+v", err)
	}
	if n := a.status().Locks; n != 2 {
		t.Errorf("%d locks after a release that failed", n)
	}
}

func TestWaitersGetTheirTurnInOrder(t *testing.T) {
	d := daemontest.Start(t)
	disk := newFile(t, t.TempDir(), "a.img")
	last := registerAs(t, d.Socket, "first")
	last.acquire(disk)
	var waiters []*jsonConn
	for i := range 5 {
		w := registerAs(t, d.Socket, fmt.Sprint("waiter ", i))
		w.startWait(i, api.Exclusive, disk)
		waiters = append(waiters, w)
	}
	for i, w := range waiters {
		if code := last.acquire(disk); code != api.CodeBusy {
			t.Fatalf("overtaking: %q", code)
		}
		last.release(disk)
		if a := w.answer(); string(a.ID) != fmt.Sprint(i) || a.Error != nil {
			t.Fatalf("waiter %d: %s, %v", i, a.ID, a.Error)
		}
		last = w
	}
}

func TestSharedDoesNotStarveExclusive(t *testing.T) {
	d := daemontest.Start(t)
	disk := newFile(t, t.TempDir(), "a.img")
	reader, writer, late := registerAs(t, d.Socket, "r"), registerAs(t, d.Socket, "w"), registerAs(t, d.Socket, "l")
	reader.must("lock.acquire", `{"resources":%s}`, resources(api.Shared, disk))
	writer.startWait(1, api.Exclusive, disk)
	if err := late.call("lock.acquire", `{"resources":%s}`, resources(api.Shared, disk)); codeOf(err) != api.CodeBusy {
		t.Errorf("a shared lock passed by an exclusive one that waits: %+v", err)
	}
	late.startWait(2, api.Shared, disk)
	reader.release(disk)
	if a := writer.answer(); a.Error != nil {
		t.Fatal(a.Error.Message)
	}
	late.silent()
	writer.release(disk)
	if a := late.answer(); a.Error != nil {
		t.Fatal(a.Error.Message)
	}
}

// libvirt never waits, and a guest's start must not fail because of somebody
// who holds nothing.
func TestLibvirtOvertakesThoseWhoWait(t *testing.T) {
	d := daemontest.Start(t)
	shared := virnet.Resource{Name: newFile(t, t.TempDir(), "a.img"), Flags: virnet.AcquireShared}
	var guests [2]*rpcConn
	for i := range guests {
		guests[i] = dialRPC(t, d.Socket)
		if err := guests[i].register(newGuest(t).PID); err != nil {
			t.Fatal(err)
		}
	}
	if err := guests[0].call(virnet.ProcAcquire, shared); err != nil {
		t.Fatal(err)
	}
	registerAs(t, d.Socket, "waiter").startWait(1, api.Exclusive, shared.Name)
	if err := guests[1].call(virnet.ProcAcquire, shared); err != nil {
		t.Errorf("refused because of one who waits: %v", err)
	}
}

func TestWaitEndsWithItsConnection(t *testing.T) {
	d := daemontest.Start(t)
	disk := newFile(t, t.TempDir(), "a.img")
	a, b := registerAs(t, d.Socket, "a"), registerAs(t, d.Socket, "b")
	a.acquire(disk)
	b.startWait(1, api.Exclusive, disk)
	b.Close()
	eventually(t, "nobody waits any more", func() bool { return a.status().Waiters == 0 })
	a.release(disk)
	if code := registerAs(t, d.Socket, "c").acquire(disk); code != "" {
		t.Errorf("after one that waited is gone: %s", code)
	}
}
