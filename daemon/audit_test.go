package daemon_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"virtlock/client/api"
	"virtlock/daemon"
	"virtlock/daemon/daemontest"
)

// startAudited starts a daemon that keeps a history.
func startAudited(t testing.TB) (d *daemontest.Daemon, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "audit")
	return daemontest.StartWith(t, func(c *daemon.Config) { c.Settings.AuditFile = file }), file
}

// history calls audit.list.
func (c *jsonConn) history(params string, args ...any) (r api.AuditResult) {
	c.t.Helper()
	c.send(`{"id":1,"method":"audit.list","params":%s}`, fmt.Sprintf(params, args...))
	a := c.answer()
	if a.Error != nil {
		c.t.Fatal(a.Error.Message)
	}
	if err := json.Unmarshal(a.Result, &r); err != nil {
		c.t.Fatal(err)
	}
	return r
}

// told is what records say, in short.
func told(records []api.AuditRecord) (list []string) {
	for _, r := range records {
		text := string(r.Type)
		if r.Name != "" {
			text += " " + filepath.Base(r.Name)
		}
		if r.Reason != "" {
			text += " " + string(r.Reason)
		}
		if r.Message != "" {
			text += " " + r.Message
		}
		if r.By != nil {
			text += fmt.Sprintf(" by %d", r.By.Client)
		}
		list = append(list, text)
	}
	return list
}

// Each change leaves one record, which says whose call it was; who connects does not.
func TestAudit(t *testing.T) {
	d, file := startAudited(t)
	dir, g := t.TempDir(), newGuest(t)
	disk, other := newFile(t, dir, "a.img"), newFile(t, dir, "b.img")
	a := registerAs(t, d.Socket, "a") // client 1
	a.must("lockspace.create", `{"path":%q}`, dir)
	a.acquire(disk)
	guest := registerFor(t, d.Socket, g.PID, api.TiedToProcess) // client 2
	guest.acquire(disk)
	guest.acquire(other)
	guest.Close()
	// libvirt's daemon asks on a connection of its own.
	late := registerFor(t, d.Socket, g.PID, api.TiedToProcess) // client 3
	late.release(other)
	late.acquire(other)
	a.release(disk)
	a.force(`{"owner_pid":%d,"leave_running":true,"reason":"split brain"}`, g.PID)
	a.must("client.close", `{"client":3,"reason":"in the way"}`)
	a.must("daemon.limits", `{"max_clients":77}`)
	a.acquire(disk)
	g.kill()
	watch := dialJSON(t, d.Socket) // client 4
	eventually(t, "the guest's end is noted down", func() bool {
		return len(watch.history(`{"types":["owner.exited"]}`).Records) == 1
	})
	a.Close()
	eventually(t, "the lock is free", func() bool { return watch.status().Locks == 0 })
	r := watch.history(`{}`)
	want := []string{
		"lockspace.created by 1",
		"lock.acquired a.img by 1",
		"lock.refused a.img by 2",
		"lock.acquired b.img by 2",
		"lock.released b.img released by 3",
		"lock.acquired b.img by 3",
		"lock.released a.img released by 1",
		"lock.released b.img forced by 1",
		"lock.forced b.img split brain by 1",
		"client.forced in the way by 1",
		"daemon.changed max_clients: 77 by 1",
		"lock.acquired a.img by 1",
		"owner.exited",
		"lock.released a.img connection_closed",
	}
	if got := told(r.Records); !slices.Equal(got, want) || r.More {
		t.Errorf("the history is\n%s", strings.Join(got, "\n"))
	}
	by := r.Records[1].By
	if by.PID != os.Getpid() || by.UID != os.Geteuid() || by.Command == "" {
		t.Errorf("by %+v", by)
	}
	if h := r.Records[2].Holders; len(h) != 1 || h[0].Owner.Name != "a" {
		t.Errorf("refused because of %+v", h)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\n"); n != len(want) {
		t.Errorf("%d lines", n)
	}
}

// What virt-admin changes is noted down like what JSON does.
func TestAuditOfFencingAndReload(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit")
	settings := daemon.DefaultSettings()
	settings.AuditFile = file
	d := daemontest.StartWith(t, func(c *daemon.Config) {
		c.Settings = settings
		c.ReadSettings = func() (daemon.Settings, error) { return settings, nil }
	})
	c, g := dialJSON(t, d.Socket), newGuest(t)
	watch, _ := subscribe(t, d.Socket, `["owner.fenced"]`)
	registerFor(t, d.Socket, g.PID, api.TiedToProcess)
	c.must("owner.fence", `{"pid":%d,"grace_ms":-1,"reason":"split brain"}`, g.PID)
	watch.answer()
	if err := d.Reload(); err != nil {
		t.Fatal(err)
	}
	c.must("daemon.reload", `{}`)
	want := []string{"owner.exited", "owner.fenced split brain by 1", "daemon.reloaded", "daemon.reloaded by 1"}
	if got := told(c.history(`{}`).Records); !slices.Equal(got, want) {
		t.Errorf("the history is %q", got)
	}
}

func TestAuditFilter(t *testing.T) {
	d, file := startAudited(t)
	dir := t.TempDir()
	c := registerAs(t, d.Socket, "web01")
	c.must("lockspace.create", `{"path":%q}`, dir)
	for i := range 3 {
		disk := newFile(t, dir, fmt.Sprintf("%d.img", i))
		c.acquire(disk)
		c.release(disk)
	}
	c.history(`{}`)
	// What somebody has torn or added does not matter.
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("{\"seq\":1,\"ti\n[]\n\n{}\n\x00\xff\n")
	f.Close()
	all := c.history(`{}`).Records
	if len(all) != 7 {
		t.Fatalf("%q", told(all))
	}
	count := func(want int, more bool, params string, args ...any) {
		t.Helper()
		if r := c.history(params, args...); len(r.Records) != want || r.More != more {
			t.Errorf("%s: %q, more %v", fmt.Sprintf(params, args...), told(r.Records), r.More)
		}
	}
	at := func(i int) string { return all[i].Time.Format(time.RFC3339Nano) }
	count(7, false, `{"limit":7}`)
	count(6, true, `{"limit":6}`)
	count(3, false, `{"types":["lock.acq*"]}`)
	count(4, false, `{"types":["lock.released","lockspace.*"]}`)
	count(2, false, `{"name":"*/1.img"}`)
	count(0, false, `{"name":"1.img"}`)
	count(6, false, `{"owner":"web*"}`)
	count(6, false, `{"owner":"%d"}`, os.Getpid())
	count(0, false, `{"owner":"other"}`)
	count(6, false, `{"lockspace":""}`)
	count(1, false, `{"lockspace":%q}`, dir)
	count(3, false, `{"since":%q,"until":%q}`, at(2), at(4))
	count(0, false, `{"since":"2100-01-01T00:00:00Z"}`)
	if last := c.history(`{"limit":1}`).Records; last[0].Seq != all[6].Seq {
		t.Errorf("the latest is %q", told(last))
	}
	for _, bad := range []string{`{"limit":-1}`, `{"limit":1001}`, `{"types":["["]}`, `{"name":"["}`, `{"since":"now"}`, `{"what":1}`} {
		if err := c.call("audit.list", "%s", bad); codeOf(err) != api.CodeInvalid {
			t.Errorf("%s: %+v", bad, err)
		}
	}
}

// More than one answer holds, over several files.
func TestAuditOfMuch(t *testing.T) {
	file := filepath.Join(t.TempDir(), "audit")
	d := daemontest.StartWith(t, func(c *daemon.Config) { c.Settings.AuditFile, c.Settings.AuditMaxSize = file, 200<<10 })
	disk := newFile(t, t.TempDir(), "a.img")
	c := registerAs(t, d.Socket, "a")
	for range 600 {
		c.acquire(disk)
		c.release(disk)
	}
	r := c.history(`{}`)
	if len(r.Records) != 1000 || !r.More {
		t.Errorf("%d records, more %v", len(r.Records), r.More)
	}
	for i := 1; i < len(r.Records); i++ {
		if r.Records[i].Seq != r.Records[i-1].Seq+1 {
			t.Fatalf("after %d comes %d", r.Records[i-1].Seq, r.Records[i].Seq)
		}
	}
	if _, err := os.Stat(file + ".1"); err != nil {
		t.Error(err)
	}
}

func TestNoAudit(t *testing.T) {
	c := dialJSON(t, daemontest.Start(t).Socket)
	if err := c.call("audit.list", `{}`); codeOf(err) != api.CodeNotFound || err.Data.Hint == "" {
		t.Errorf("%+v", err)
	}
}

// A reload moves the history, or fails and leaves it where it is.
func TestAuditIsReloaded(t *testing.T) {
	dir := t.TempDir()
	settings := daemon.DefaultSettings()
	settings.AuditFile = filepath.Join(dir, "1")
	var now atomic.Pointer[daemon.Settings]
	next := func(file string) {
		s := settings
		s.AuditFile, s.MaxClients = file, 3
		now.Store(&s)
	}
	d := daemontest.StartWith(t, func(c *daemon.Config) {
		c.Settings = settings
		c.ReadSettings = func() (daemon.Settings, error) { return *now.Load(), nil }
	})
	c := dialJSON(t, d.Socket)
	next(dir + "/no/such/directory")
	if err := c.call("daemon.reload", `{}`); codeOf(err) != api.CodeRefused || c.status().MaxClients != 1024 {
		t.Errorf("%+v", err)
	}
	c.must("daemon.limits", `{"max_clients":5}`)
	if n := len(c.history(`{}`).Records); n != 1 {
		t.Errorf("%d records", n)
	}
	next(filepath.Join(dir, "2"))
	c.must("daemon.reload", `{}`)
	if got := told(c.history(`{}`).Records); !slices.Equal(got, []string{"daemon.reloaded by 1"}) || c.status().MaxClients != 3 {
		t.Errorf("%q", got)
	}
	next("")
	c.must("daemon.reload", `{}`)
	if err := c.call("audit.list", `{}`); codeOf(err) != api.CodeNotFound {
		t.Errorf("%+v", err)
	}
}
