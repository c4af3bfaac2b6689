package daemon_test

import (
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"virtlock/client/api"
	"virtlock/daemon"
	"virtlock/daemon/daemontest"
)

// result calls a method that must not fail, and reads its result.
func result[T any](c *jsonConn, method, params string) (r T) {
	c.t.Helper()
	c.send(`{"id":1,"method":%q,"params":%s}`, method, params)
	a := c.answer()
	if a.Error != nil {
		c.t.Fatal(a.Error.Message)
	}
	if err := json.Unmarshal(a.Result, &r); err != nil {
		c.t.Fatal(err)
	}
	return r
}

// A connection that is closed by somebody else is closed, and that is all.
func TestClientClose(t *testing.T) {
	d := daemontest.Start(t)
	g := newGuest(t)
	disk, session := newFile(t, t.TempDir(), "a.img"), newFile(t, t.TempDir(), "b.img")
	c := dialJSON(t, d.Socket) // client 1
	c.silent()
	guest := registerFor(t, d.AdminSocket, g.PID, api.TiedToProcess)       // client 2
	program := registerFor(t, d.Socket, os.Getpid(), api.TiedToConnection) // client 3
	guest.acquire(disk)
	program.acquire(session)
	watch, _ := subscribe(t, d.Socket, `["client.forced","lock.released"]`)
	for _, id := range []int{2, 3} {
		c.must("client.close", `{"client":%d,"reason":"in the way"}`, id)
		if e := watch.answer().Params; e.Type != api.EventClientForced || e.Client != uint64(id) || e.Message != "in the way" || e.Owner == nil {
			t.Errorf("%+v", e)
		}
	}
	if e := watch.answer().Params; e.Type != api.EventLockReleased || e.Name != session || e.Reason != api.ReasonConnectionClosed {
		t.Errorf("%+v", e)
	}
	if !guest.ended() || !program.ended() || !g.lives() {
		t.Error("the wrong thing has ended")
	}
	if locks := c.locks(); len(locks) != 1 || locks[disk].Name == "" {
		t.Errorf("%+v", locks)
	}
	refused := func(want api.Code, params string) {
		t.Helper()
		if err := c.call("client.close", "%s", params); codeOf(err) != want {
			t.Errorf("%s: %+v", params, err)
		}
	}
	eventually(t, "it is gone", func() bool { return c.status().AdminClients == 0 })
	refused(api.CodeNotFound, `{"client":2,"reason":"x"}`)
	refused(api.CodeNotFound, `{"client":999,"reason":"x"}`)
	refused(api.CodeNotFound, `{"reason":"x"}`)
	refused(api.CodeInvalid, `{"client":1,"reason":"x"}`)
	refused(api.CodeInvalid, `{"client":2}`)
	refused(api.CodeInvalid, `{"client":-1,"reason":"x"}`)
}

func TestOwnerList(t *testing.T) {
	d := daemontest.Start(t)
	before := time.Now().Add(-time.Second)
	g := newDeafGuest(t)
	dir := t.TempDir()
	disk, other := newFile(t, dir, "a.img"), newFile(t, dir, "b.img")
	list := func(c *jsonConn) []api.OwnerInfo { return result[api.OwnersResult](c, "owner.list", `{}`).Owners }
	c := dialJSON(t, d.Socket) // client 1
	if l := list(c); len(l) != 0 {
		t.Errorf("%+v", l)
	}
	old := registerFor(t, d.Socket, g.PID, api.TiedToProcess) // client 2
	for range 2 {
		old.must("lock.acquire", `{"resources":%s}`, resources(api.Shared, disk))
	}
	old.acquire(other)
	old.Close()
	eventually(t, "it has closed", func() bool { return c.status().Clients == 1 })
	c.must("owner.register", `{"owner":{"name":"renamed","pid":%d}}`, g.PID)
	waits := registerAs(t, d.Socket, "waits") // client 3, or so
	waits.startWait(1, "", other)
	l := list(c)
	if len(l) != 2 {
		t.Fatalf("%+v", l)
	}
	byPID := map[int]api.OwnerInfo{}
	for _, o := range l {
		byPID[o.Owner.PID] = o
	}
	guest, us := byPID[g.PID], byPID[os.Getpid()]
	if guest.Owner.Name != "renamed" || guest.Locks != 2 || len(guest.Clients) != 1 || guest.Clients[0] != 1 || guest.Waiting != 0 || guest.Fencing {
		t.Errorf("%+v", guest)
	}
	if guest.Started.Before(before) || guest.Started.After(time.Now()) {
		t.Errorf("started at %v, after %v", guest.Started, before)
	}
	if us.Owner.Name != "waits" || us.Locks != 0 || us.Waiting != 1 || len(us.Clients) != 1 {
		t.Errorf("%+v", us)
	}
	c.must("owner.fence", `{"pid":%d,"grace_ms":60000,"reason":"x"}`, g.PID)
	for _, o := range list(c) {
		if o.Fencing != (o.Owner.PID == g.PID) {
			t.Errorf("%+v", o)
		}
	}
}

func TestDaemonLimits(t *testing.T) {
	d := daemontest.Start(t)
	c := dialJSON(t, d.Socket)
	watch, _ := subscribe(t, d.Socket, `["daemon.changed"]`)
	if got, want := result[api.Limits](c, "daemon.limits", `{}`), (api.Limits{MaxClients: 1024, AdminMaxClients: 5000}); got != want {
		t.Errorf("%+v", got)
	}
	want := api.Limits{MaxClients: 2, AdminMaxClients: 7, IdleTimeout: 3600}
	if got := result[api.Limits](c, "daemon.limits", `{"max_clients":2,"admin_max_clients":7,"idle_timeout":3600}`); got != want {
		t.Errorf("%+v", got)
	}
	for _, message := range []string{"max_clients: 2", "admin_max_clients: 7", "timeout: 1h0m0s"} {
		if e := watch.answer().Params; e.Message != message || e.Client != 1 {
			t.Errorf("%+v", e)
		}
	}
	if err := dialJSON(t, d.Socket).call("daemon.status", `{}`); codeOf(err) != api.CodeLimit {
		t.Errorf("a third client: %+v", err)
	}
	for _, bad := range []string{
		`{"max_clients":0}`, `{"admin_max_clients":-1}`, `{"idle_timeout":-1}`, `{"max_clients":9,"idle_timeout":2147483648}`, `{"clients":1}`,
	} {
		if err := c.call("daemon.limits", "%s", bad); codeOf(err) != api.CodeInvalid {
			t.Errorf("%s: %+v", bad, err)
		}
	}
	if got := result[api.Limits](c, "daemon.limits", `{}`); got != want {
		t.Errorf("%+v", got)
	}
	if s := c.status(); s.MaxClients != 2 || s.AdminMaxClients != 7 {
		t.Errorf("%+v", s)
	}
}

func TestDaemonLog(t *testing.T) {
	log, err := daemon.OpenLog(daemon.DefaultSettings(), "stderr")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	d := daemontest.StartWith(t, func(c *daemon.Config) { c.Log = log })
	c := dialJSON(t, d.Socket)
	file := t.TempDir() + "/log"
	same := func(params string, want api.LogSettings) {
		t.Helper()
		if got := result[api.LogSettings](c, "daemon.log", params); got != want {
			t.Errorf("%s: %+v", params, got)
		}
	}
	same(`{}`, api.LogSettings{Outputs: "3:stderr"})
	same(`{"filters":"1:daemon"}`, api.LogSettings{Filters: "1:*daemon*", Outputs: "3:stderr"})
	both := api.LogSettings{Filters: "2:*daemon*", Outputs: "1:file:" + file}
	same(`{"filters":"2:daemon","outputs":"1:file:`+file+`"}`, both)
	for _, bad := range []string{
		`{"filters":"x"}`, `{"outputs":"1:nowhere"}`, `{"outputs":"1:file:/no/such/directory/x"}`,
		`{"filters":"1:daemon","outputs":"bogus"}`, `{"filters":"bogus","outputs":"3:stderr"}`, `{"level":1}`,
	} {
		if err := c.call("daemon.log", "%s", bad); codeOf(err) != api.CodeInvalid || err.Message == "" {
			t.Errorf("%s: %+v", bad, err)
		}
	}
	same(`{}`, both)
	same(`{"filters":"","outputs":""}`, api.LogSettings{Outputs: "3:stderr"})
}

func TestDaemonReload(t *testing.T) {
	failure := errors.New("expecting an assignment")
	fail := make(chan error, 1)
	d := daemontest.StartWith(t, func(c *daemon.Config) {
		c.ReadSettings = func() (daemon.Settings, error) { return daemon.DefaultSettings(), <-fail }
	})
	c := dialJSON(t, d.Socket)
	watch, _ := subscribe(t, d.Socket, `["daemon.reloaded"]`)
	fail <- failure
	err := c.call("daemon.reload", `{}`)
	if codeOf(err) != api.CodeRefused || err.Message != "not reloaded: expecting an assignment" {
		t.Errorf("%+v", err)
	}
	fail <- nil
	c.must("daemon.reload", `{}`)
	if e := watch.answer().Params; e.Type != api.EventDaemonReloaded {
		t.Errorf("%+v", e)
	}
}

// Who has given up its rights manages nothing.
func TestRestrictedManagesNothing(t *testing.T) {
	d := daemontest.Start(t)
	c := registerAs(t, d.Socket, "a")
	c.must("owner.restrict", `{}`)
	for _, method := range []string{
		"lock.force_release", "owner.list", "client.close", "audit.list", "daemon.reload", "daemon.log", "daemon.limits", "daemon.reexec",
	} {
		if err := c.call(method, `{}`); codeOf(err) != api.CodeRestricted {
			t.Errorf("%s: %+v", method, err)
		}
	}
}
