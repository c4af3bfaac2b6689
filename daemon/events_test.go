package daemon_test

import (
	"fmt"
	"strings"
	"testing"

	"virtlock/client/api"
	"virtlock/daemon"
	"virtlock/daemon/daemontest"
)

// subscribe gives a connection that gets events, and the number of the last one
// before.
func subscribe(t testing.TB, socket, types string) (*jsonConn, uint64) {
	t.Helper()
	c := dialJSON(t, socket)
	var seq uint64
	if _, err := fmt.Sscanf(c.ask(`{"id":1,"method":"event.subscribe","params":{"types":%s}}`, types), `{"jsonrpc":"2.0","id":1,"result":{"seq":%d}}`, &seq); err != nil {
		t.Fatal(err)
	}
	return c, seq
}

// TestEvents compares whole lines, as TestJSON does.
func TestEvents(t *testing.T) {
	d := daemontest.StartWith(t, func(c *daemon.Config) {
		c.ReadSettings = func() (daemon.Settings, error) { return daemon.DefaultSettings(), nil }
	})
	dir := t.TempDir()
	disk := newFile(t, dir, "a.img")
	g := newGuest(t)
	watch, seq := subscribe(t, d.Socket, `[]`)
	if seq != 1 { // its own connection
		t.Errorf("seq %d", seq)
	}
	a := registerAs(t, d.Socket, "a")
	a.must("lockspace.create", `{"path":%q}`, dir)
	a.acquire(disk)
	b := registerFor(t, d.Socket, g.PID, api.TiedToProcess)
	b.acquire(disk)
	b.sendAcquire(1, api.Shared, disk)
	eventually(t, "one waits", func() bool { return a.status().Waiters == 1 })
	a.release(disk)
	if got := b.answer(); got.Error != nil {
		t.Fatal(got.Error.Message)
	}
	g.kill()
	eventually(t, "nothing is held", func() bool { return a.status().Locks == 0 })
	a.acquire(disk)
	other := dialJSON(t, d.AdminSocket)
	other.status()
	a.Close()
	eventually(t, "its connection is closed", func() bool { return other.status().Clients == 2 })
	if err := d.Reload(); err != nil {
		t.Fatal(err)
	}
	lock := `"lockspace":"","name":"DIR/a.img","path":"DIR/a.img",`
	byA := `"owner":{"name":"a","pid":PID,"tied_to":"connection"},"client":2`
	byGuest := `"owner":{"name":"guest","pid":GUEST,"tied_to":"process"},"client":3`
	heldByA := `,"holders":[{` + byA + `,"since":"TIME","lockspace":"","name":"DIR/a.img","mode":"exclusive"}]`
	for i, want := range []string{
		`"type":"client.connected","client":2`,
		`"type":"lockspace.created","lockspace":"DIR"`,
		`"type":"lock.acquired",` + lock + `"mode":"exclusive",` + byA,
		`"type":"client.connected","client":3`,
		`"type":"lock.refused",` + lock + byGuest + heldByA,
		`"type":"lock.waiting",` + lock + byGuest + heldByA,
		`"type":"lock.released",` + lock + `"mode":"exclusive",` + byA + `,"reason":"released"`,
		`"type":"lock.acquired",` + lock + `"mode":"shared",` + byGuest,
		`"type":"owner.exited","owner":{"name":"","pid":GUEST}`,
		`"type":"lock.released",` + lock + `"mode":"shared",` + byGuest + `,"reason":"owner_exited"`,
		`"type":"lock.acquired",` + lock + `"mode":"exclusive",` + byA,
		`"type":"client.connected","client":4`,
		`"type":"lock.released",` + lock + `"mode":"exclusive",` + byA + `,"reason":"connection_closed"`,
		`"type":"client.closed","client":2`,
		`"type":"daemon.reloaded"`,
	} {
		want = fmt.Sprintf(`{"jsonrpc":"2.0","method":"event","params":{"seq":%d,"time":"TIME",%s}}`, seq+uint64(i)+1, want)
		got := strings.ReplaceAll(mask(watch.line(), dir), fmt.Sprintf(`"pid":%d`, g.PID), `"pid":GUEST`)
		if got != want {
			t.Errorf("event\n%s instead of\n%s", got, want)
		}
	}
}

func TestEventTypes(t *testing.T) {
	d := daemontest.Start(t)
	disk := newFile(t, t.TempDir(), "a.img")
	watch, seq := subscribe(t, d.Socket, `["lock.re*","no.such.type"]`)
	a := registerAs(t, d.Socket, "a")
	a.acquire(disk)
	a.release(disk)
	e := watch.answer().Params
	if e.Type != api.EventLockReleased || e.Seq != seq+3 { // connected, acquired
		t.Errorf("%+v after %d", e, seq)
	}
	// Called again, it changes the types, and nothing comes twice.
	watch.must("event.subscribe", `{"types":["lock.acquired"]}`)
	a.acquire(disk)
	a.release(disk)
	a.acquire(disk)
	for _, want := range []uint64{seq + 4, seq + 6} {
		if e := watch.answer().Params; e.Type != api.EventLockAcquired || e.Seq != want {
			t.Errorf("%+v instead of %d", e, want)
		}
	}
	watch.silent()
	if n := a.status().Subscribers; n != 1 {
		t.Errorf("%d subscribers", n)
	}
	for _, types := range []string{
		`["` + strings.Repeat("*", 65) + `"]`,
		`["a"` + strings.Repeat(`,"a"`, 64) + `]`,
		`["[a"]`,
	} {
		if err := a.call("event.subscribe", `{"types":%s}`, types); codeOf(err) != api.CodeInvalid {
			t.Errorf("%s: %+v", types, err)
		}
	}
}

// TestSubscriberThatDoesNotRead slows nobody, and hears how many it lost.
func TestSubscriberThatDoesNotRead(t *testing.T) {
	b := newHostileBed(t)
	deaf, seq := subscribe(t, b.socket, `["lock.*"]`)
	const rounds = 5000
	for range rounds {
		b.json.acquire(b.disk)
		b.json.release(b.disk)
	}
	b.boundedHeap(8 << 20)
	// A late one gets all that happens from now on.
	late, from := subscribe(t, b.socket, `["lock.*"]`)
	b.json.acquire(b.disk)
	if e := late.answer().Params; e.Seq != from+1 {
		t.Errorf("%+v after %d", e, from)
	}
	b.json.release(b.disk)

	// Whoever reads at last gets each event or is told of the gap.
	seen, lost := uint64(0), uint64(0)
	for seen+lost < 2*rounds {
		e := deaf.answer().Params
		switch {
		case e.Type == api.EventLost:
			lost += e.Lost
		case e.Seq <= seq:
			t.Fatalf("%d after %d", e.Seq, seq)
		default:
			seen++
		}
		seq = e.Seq
	}
	if lost == 0 {
		t.Error("nothing was lost, so that nothing was tested")
	}
	deaf.Close()
	late.Close()
	b.unharmed()
}
