package daemon_test

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"testing"

	"virtlock/client"
	"virtlock/client/api"
	"virtlock/daemon/daemontest"
)

// registerClient registers a connection and gives its number.
func (c *jsonConn) registerClient(params string, args ...any) api.RegisterResult {
	c.t.Helper()
	c.send(`{"id":1,"method":"owner.register","params":`+params+`}`, args...)
	a := c.answer()
	if a.Error != nil {
		c.t.Fatal(a.Error.Message)
	}
	var r api.RegisterResult
	if err := json.Unmarshal(a.Result, &r); err != nil {
		c.t.Fatal(err)
	}
	return r
}

// orphan takes a lock on a connection that then breaks as with a daemon that
// crashed, and gives its number.
func orphan(t *testing.T, d *daemontest.Daemon, pid int, disk string) uint64 {
	t.Helper()
	c := dialJSON(t, d.Socket)
	client := c.registerClient(`{"owner":{"name":"backup","pid":%d}}`, pid).Client
	if code := c.acquire(disk); code != "" {
		t.Fatal(code)
	}
	d.Orphan(client)
	c.Close()
	return client
}

func TestClaim(t *testing.T) {
	d, disk := daemontest.Start(t), newFile(t, t.TempDir(), "a.img")
	client := orphan(t, d, os.Getpid(), disk)
	c := dialJSON(t, d.Socket)
	r := c.registerClient(`{"claim":%d}`, client)
	want := api.Owner{Name: "backup", PID: os.Getpid(), TiedTo: api.TiedToConnection}
	if r.Owner != want || r.Client == client || r.Client == 0 {
		t.Errorf("%+v", r)
	}
	other := registerAs(t, d.Socket, "other")
	if code := other.acquire(disk); code != api.CodeBusy {
		t.Errorf("another one gets it: %q", code)
	}
	// It is the connection's own from now on.
	second := newFile(t, t.TempDir(), "b.img")
	if code := c.acquire(second); code != "" {
		t.Errorf("one lock more: %s", code)
	}
	if code := c.release(disk); code != "" {
		t.Errorf("release of what was claimed: %s", code)
	}
	if code := c.acquire(disk); code != "" {
		t.Errorf("once more: %s", code)
	}
	if code := codeOf(other.call("owner.register", `{"claim":%d}`, client)); code != api.CodeNotFound {
		t.Errorf("claimed twice: %q", code)
	}
	c.Close()
	eventually(t, "both are free", func() bool { return len(other.locks()) == 0 })
}

// A connection that was registered already keeps what it has.
func TestClaimAfterRegistering(t *testing.T) {
	d, disk, own := daemontest.Start(t), newFile(t, t.TempDir(), "a.img"), newFile(t, t.TempDir(), "b.img")
	client := orphan(t, d, os.Getpid(), disk)
	c := registerAs(t, d.Socket, "anew")
	c.acquire(own)
	c.registerClient(`{"claim":%d}`, client)
	if code := c.release(disk); code != "" {
		t.Errorf("release of what was claimed: %s", code)
	}
	other := dialJSON(t, d.Socket)
	if locks := other.locks(); len(locks) != 1 || locks[own].Name == "" {
		t.Errorf("held are %v", locks)
	}
	c.Close()
	eventually(t, "its own is free", func() bool { return len(other.locks()) == 0 })
}

func TestClaimRefuses(t *testing.T) {
	d, disk := daemontest.Start(t), newFile(t, t.TempDir(), "a.img")
	g := newGuest(t)
	client := orphan(t, d, g.PID, disk)
	c := dialJSON(t, d.Socket)
	for params, want := range map[string]api.Code{
		`{"claim":%d}`:                          api.CodeDenied,
		`{"claim":1%d}`:                         api.CodeNotFound,
		`{"claim":%d,"owner":{"name":"x"}}`:     api.CodeInvalid,
		`{"claim":%d,"tied_to":"connection"}`:   api.CodeInvalid,
		`{"claim":-%d}`:                         api.CodeInvalid,
		`{"owner":{"name":"x"},"claim":"no%d"}`: api.CodeInvalid,
	} {
		if code := codeOf(c.call("owner.register", params, client)); code != want {
			t.Errorf("%s: %q, want %q", params, code, want)
		}
	}
	if locks := c.locks(); len(locks) != 1 {
		t.Errorf("held are %v", locks)
	}
	// The process that it belongs to ends it as ever.
	g.kill()
	eventually(t, "it is free", func() bool { return len(c.locks()) == 0 })
	if code := codeOf(c.call("owner.register", `{"claim":%d}`, client)); code == "" {
		t.Error("claimed what a dead process had")
	}
}

// TestClientClaims has the Go client, whose locks live on.
func TestClientClaims(t *testing.T) {
	d, disk := daemontest.Start(t), newFile(t, t.TempDir(), "a.img")
	links := make(chan net.Conn, 10)
	c := &client.Client{Dial: func(context.Context) (net.Conn, error) {
		link, err := net.Dial("unix", d.Socket)
		links <- link
		return link, err
	}}
	defer c.Close()
	held, err := c.Acquire(t.Context(), 0, api.Resource{Name: disk})
	if err != nil {
		t.Fatal(err)
	}
	link := <-links
	d.Orphan(held.Locks()[0].Holders[0].Client)
	link.Close()
	<-links // it comes back
	if _, err := c.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	other := registerAs(t, d.Socket, "other")
	if code := other.acquire(disk); code != api.CodeBusy {
		t.Errorf("another one gets it: %q", code)
	}
	if err := held.Release(t.Context()); err != nil {
		t.Errorf("Release = %v", err)
	}
	if code := other.acquire(disk); code != "" {
		t.Errorf("after its release: %s", code)
	}
	select {
	case <-held.Lost():
		t.Error("lost though it was claimed")
	default:
	}
}
