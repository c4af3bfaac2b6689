package daemon_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
	"virtlock/daemon"
	"virtlock/daemon/daemontest"
	"virtlock/daemon/internal/virnet"
)

// TestTooManyClients: whoever is one too many is told so, by both protocols and
// on both sockets, and each socket has places of its own.
func TestTooManyClients(t *testing.T) {
	d := daemontest.StartWith(t, func(c *daemon.Config) {
		c.Settings.MaxClients, c.Settings.AdminMaxClients = 3, 2
	})
	b := newBystander(t, d.Socket) // two clients
	third := dialJSON(t, d.Socket)
	third.must("lockspace.list", `{}`)

	j := dialJSON(t, d.Socket)
	err := j.call("lockspace.list", `{}`)
	if codeOf(err) != api.CodeLimit || err.Message != "too many clients, max_clients is 3" {
		t.Errorf("JSON: %+v", err)
	}
	if !j.ended() {
		t.Error("JSON: the connection goes on")
	}
	r := dialRPC(t, d.Socket)
	rerr, ok := r.call(virnet.ProcRestrict, virnet.FlagsArgs{}).(*virnet.Error)
	if !ok || rerr.Code != virnet.CodeOperationFailed || !strings.HasPrefix(rerr.Message, "operation failed: too many clients, max_clients is 3") {
		t.Errorf("libvirt's protocol: %v", rerr)
	}
	if r.answersPing() {
		t.Error("libvirt's protocol: the connection goes on")
	}

	admin := dialJSON(t, d.AdminSocket)
	if s := admin.status(); s.Clients != 3 || s.MaxClients != 3 || s.AdminClients != 1 {
		t.Errorf("status %+v", s)
	}
	b.works()
	dialJSON(t, d.AdminSocket).must("lockspace.list", `{}`)
	if err := dialJSON(t, d.AdminSocket).call("lockspace.list", `{}`); codeOf(err) != api.CodeLimit || !strings.Contains(err.Message, "admin_max_clients") {
		t.Errorf("admin socket: %+v", err)
	}

	third.Close()
	eventually(t, "there is a place", func() bool { return admin.status().Clients == 2 })
	dialJSON(t, d.Socket).must("lockspace.list", `{}`)
}

// TestRefusedClientsThatSayNothing do not keep others from hearing why.
func TestRefusedClientsThatSayNothing(t *testing.T) {
	d := daemontest.StartWith(t, func(c *daemon.Config) { c.Settings.MaxClients = 2 })
	b := newBystander(t, d.Socket)
	for range 100 {
		dial(t, d.Socket)
	}
	if err := dialJSON(t, d.Socket).call("lockspace.list", `{}`); codeOf(err) != api.CodeLimit {
		t.Errorf("%+v", err)
	}
	// Many more are closed at once: an end that can be seen.
	var silent []*jsonConn
	for range 100 {
		silent = append(silent, dialJSON(t, d.Socket))
	}
	if !silent[len(silent)-1].ended() {
		t.Error("the last one waits")
	}
	b.works()
}

func TestWarningBeforeTheLimit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	log, err := daemon.OpenLog(daemon.Settings{LogLevel: 3, LogOutputs: "3:file:" + file}, "")
	if err != nil {
		t.Fatal(err)
	}
	d := daemontest.StartWith(t, func(c *daemon.Config) {
		c.Log, c.Settings.MaxClients = log, 10
	})
	admin := dialJSON(t, d.AdminSocket)
	connect := func(n int) {
		t.Helper()
		for range n {
			c := dialJSON(t, d.Socket)
			c.must("lockspace.list", `{}`)
			t.Cleanup(func() { c.Close() })
		}
	}
	connect(7)
	one := dialJSON(t, d.Socket) // the eighth
	one.must("lockspace.list", `{}`)
	one.Close()
	eventually(t, "it is gone", func() bool { return admin.status().Clients == 7 })
	connect(3)
	log.Close()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "80 %"); n != 1 {
		t.Errorf("%d warnings:\n%s", n, text)
	}
}

// TestNoDescriptorsLeft takes locks until there are no more descriptors.
func TestNoDescriptorsLeft(t *testing.T) {
	const limit = 40
	d := startChild(t, childConfig{Files: limit})
	b := newBystander(t, d.Socket)
	c := registerAs(t, d.Socket, "greedy")
	dir := t.TempDir()
	var held []string
	for {
		name := newFile(t, dir, fmt.Sprint(len(held)))
		err := c.call("lock.acquire", `{"resources":%s}`, resources("", name))
		if err == nil {
			held = append(held, name)
			continue
		}
		if codeOf(err) != api.CodeLimit || err.Data.Errno != int(unix.EMFILE) {
			t.Fatalf("at the limit: %+v", err)
		}
		break
	}
	// Libvirt's protocol says it as libvirt does.
	rerr, ok := b.rpc.acquire("", b.disk).(*virnet.Error)
	if !ok || rerr.Code != virnet.CodeSystemError || rerr.Int1 != int32(unix.EMFILE) {
		t.Errorf("at the limit: %v", rerr)
	}
	// Who is connected can look and give back.
	if n := len(b.json.locks()); n != len(held) {
		t.Errorf("%d locks instead of %d", n, len(held))
	}
	// Who is not hears about it, one after another.
	for range 3 {
		j := dialJSON(t, d.Socket)
		if err := j.call("owner.register", `{}`); codeOf(err) != api.CodeLimit {
			t.Errorf("a new client at the limit: %+v", err)
		}
		if !j.ended() {
			t.Error("it goes on")
		}
	}
	r := dialRPC(t, d.Socket)
	if err := r.register(newGuest(t).PID); code(t, err) != virnet.CodeOperationFailed {
		t.Errorf("a new client at the limit: %v", err)
	}
	if r.answersPing() {
		t.Error("it goes on")
	}
	// What they were answered with is not there for locks.
	more := newFile(t, dir, "more")
	eventually(t, "the spare descriptor is back, and no lock gets it", func() bool {
		if !usesAllBelow(t, d.pid, limit) {
			return false
		}
		code := c.acquire(more)
		if code == "" { // it was that of the last client, which was about to be closed
			c.release(more)
		}
		return code == api.CodeLimit
	})
	// An owner takes a descriptor as well.
	if err := b.json.call("owner.register", `{"owner":{"pid":%d}}`, newGuest(t).PID); codeOf(err) != api.CodeLimit {
		t.Errorf("a new owner at the limit: %+v", err)
	}
	// One that says nothing ends, too.
	if !dialJSON(t, d.Socket).ended() {
		t.Error("a new client that says nothing waits")
	}
	if code := c.release(held...); code != "" {
		t.Errorf("release: %s", code)
	}
	b.works()
	newBystander(t, d.Socket).works()
}

// usesAllBelow reports whether a process has all descriptors below a number
// open. It may have inherited others.
func usesAllBelow(t *testing.T, pid, limit int) bool {
	t.Helper()
	for fd := range limit {
		if _, err := os.Lstat(fmt.Sprintf("/proc/%d/fd/%d", pid, fd)); err != nil {
			return false
		}
	}
	return true
}

// TestEndDespiteClientsThatDoNotRead: the daemon's end waits for nobody's buffers.
func TestEndDespiteClientsThatDoNotRead(t *testing.T) {
	var start time.Time
	t.Run("daemon", func(sub *testing.T) {
		d := daemontest.StartWith(sub, func(c *daemon.Config) { c.Settings.MaxClients = 1 })
		c := dialJSON(t, d.Socket) // outlives the daemon
		flood(c, []byte(`{"id":1,"method":"lock.list"}`+"\n"))
		dial(t, d.Socket) // refused, and does not even ask
		start = time.Now()
	})
	if took := time.Since(start); took > 2500*time.Millisecond {
		t.Errorf("the daemon ended after %v", took)
	}
}
