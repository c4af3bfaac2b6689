package daemon_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
	"virtlock/daemon/daemontest"
	"virtlock/daemon/internal/virnet"
)

func TestLimitOfFormerOwners(t *testing.T) {
	d := daemontest.Start(t)
	disk := newFile(t, t.TempDir(), "a.img")
	registerAs(t, d.Socket, "a").acquire(disk)
	b := registerAs(t, d.Socket, "b")
	b.startWait(7, api.Exclusive, disk) // all that it was is in use from now on
	for range 64 {
		b.must("owner.register", `{}`)
	}
	if err := b.call("owner.register", `{}`); codeOf(err) != api.CodeLimit {
		t.Errorf("%+v", err)
	}
}

func TestLongIDs(t *testing.T) {
	c := dialJSON(t, daemontest.Start(t).Socket)
	quoted := func(n int) string { return `"` + strings.Repeat("i", n-2) + `"` }
	if got := c.ask(`{"id":%s,"method":"lockspace.list"}`, quoted(256)); !strings.Contains(got, quoted(256)+`,"result"`) {
		t.Errorf("an id of 256 bytes: %s", got)
	}
	const refusal = `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"\"id\" is longer than 256 bytes",`
	for _, id := range []string{quoted(257), quoted(1_000_000), strings.Repeat("1", 257)} {
		if got := c.ask(`{"id":%s,"method":"lockspace.list"}`, id); !strings.HasPrefix(got, refusal) {
			t.Errorf("an id of %d bytes: %s", len(id), got)
		}
	}
	c.silent()
}

// TestWaitsKeepLittle of the requests, which may be a MiB each.
func TestWaitsKeepLittle(t *testing.T) {
	b := newHostileBed(t)
	b.json.acquire(b.disk)
	c := registerAs(t, b.socket, "c")
	space := strings.Repeat(" ", api.MaxLine-1000)
	const waits = 16
	for i := range waits {
		c.send(`{"id":%d,"method":"lock.acquire","params":{"resources":%s,%s"wait_ms":-1}}`, i, resources("", b.disk), space)
	}
	eventually(t, "all wait", func() bool { return b.json.status().Waiters == waits })
	b.boundedHeap(waits << 20 / 4)
	c.Close()
	eventually(t, "none waits", func() bool { return b.json.status().Waiters == 0 })
	b.json.release(b.disk)
	b.unharmed()
}

func TestLimitOfResourcesWaitedFor(t *testing.T) {
	d := daemontest.Start(t)
	dir := t.TempDir()
	disk := newFile(t, dir, "a.img")
	a, b := registerAs(t, d.Socket, "a"), registerAs(t, d.Socket, "b")
	a.acquire(disk)
	names := []string{disk}
	for i := range 1022 {
		names = append(names, newFile(t, dir, fmt.Sprint(i)))
	}
	b.startWait(1, api.Exclusive, names...) // 1023
	b.startWait(2, api.Exclusive, disk)
	if err := b.call("lock.acquire", `{"resources":%s,"wait_ms":-1}`, resources("", disk)); codeOf(err) != api.CodeLimit {
		t.Errorf("a 1025th: %+v", err)
	}
	a.release(disk)
	if got := b.answer(); string(got.ID) != "1" || got.Error != nil {
		t.Fatalf("%s, %v", got.ID, got.Error)
	}
	// There is room again.
	b.startWait(3, api.Exclusive, disk)
}

// TestNamesOfGuests: libvirt may call a guest what it likes. What others see of
// it has an end and no control characters.
func TestNamesOfGuests(t *testing.T) {
	d := daemontest.Start(t)
	for name, want := range map[string]string{
		"vm":                                    "vm",
		"two\nlines\x1b[2J":                     "two\uFFFDlines\uFFFD[2J",
		"a\xff\x00":                             "a\uFFFD\uFFFD",
		strings.Repeat("n", 255):                strings.Repeat("n", 255),
		strings.Repeat("n", 65536):              strings.Repeat("n", 255),
		strings.Repeat("\u00e9", 128):           strings.Repeat("\u00e9", 127),
		strings.Repeat("\x01", 200):             strings.Repeat("\uFFFD", 85),
		strings.Repeat("n", 254) + "\U0001F40B": strings.Repeat("n", 254),
	} {
		r := registration(newGuest(t).PID)
		r.Name = name
		c, disk := dialRPC(t, d.Socket), newFile(t, t.TempDir(), "a.img")
		if err := c.call(virnet.ProcRegister, r); err != nil {
			t.Fatalf("%.20q: %v", name, err)
		}
		if err := c.acquire("", disk); err != nil {
			t.Fatal(err)
		}
		got := dialJSON(t, d.Socket).locks()[disk].Holders[0].Owner.Name
		if got != want || !utf8.ValidString(got) {
			t.Errorf("%.20q became %.40q of %d bytes", name, got, len(got))
		}
	}
}

// TestPaddedCalls: what follows a call's arguments means nothing, and is not kept.
func TestPaddedCalls(t *testing.T) {
	b := newHostileBed(t)
	pad := make([]byte, virnet.MaxMessage)
	var conns []*rpcConn
	for range 8 {
		c := dialRPC(t, b.socket)
		start := c.message(virnet.ProcRegister, registration(os.Getpid()))
		binary.BigEndian.PutUint32(start, virnet.MaxMessage)
		if _, err := c.Write(append(start, pad[:len(pad)-len(start)-1]...)); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	b.boundedHeap(uint64(len(pad)) + 4<<20)
	for _, c := range conns {
		if _, err := c.Write(append(pad[:1:1], ping...)); err != nil {
			t.Fatal(err)
		}
		if err := c.result(); err != nil {
			t.Error(err)
		}
		if got, err := c.reply(); err != nil || !bytes.Equal(got, pong) {
			t.Errorf("the next message is answered by %x, %v", got, err)
		}
		c.Close()
	}
	b.unharmed()
}

// TestLongestCalls: no argument that libvirt takes is cut off.
func TestLongestCalls(t *testing.T) {
	d := daemontest.Start(t)
	c := dialRPC(t, d.Socket)
	if err := c.register(os.Getpid()); err != nil {
		t.Fatal(err)
	}
	longest := strings.Repeat("n", virnet.MaxLockString)
	h := lockCall(virnet.ProcAcquire)
	h.Type = virnet.CallWithFDs
	args := virnet.Resource{Path: longest, Name: longest, Flags: 4}.Append(make([]byte, 4))
	for range 2 {
		if _, err := c.Write(virnet.AppendMessage(nil, h, args)); err != nil {
			t.Fatal(err)
		}
		if err := c.result(); err == nil || !strings.Contains(err.Error(), "flags") {
			t.Errorf("the flags at the end were not seen: %v", err)
		}
		args = append(args, longest...) // and so on, which nobody looks at
	}
	admin := dialRPC(t, d.AdminSocket)
	filters := strings.Repeat(" ", virnet.MaxString)
	h = virnet.Header{Program: virnet.ProgramAdmin, Version: virnet.Version, Procedure: virnet.AdminSetLoggingFilters}
	for _, args := range []virnet.LoggingArgs{{Setting: &filters}, {Setting: &filters, Flags: 4}} {
		if _, err := admin.Write(virnet.AppendMessage(nil, h, args.Append(nil))); err != nil {
			t.Fatal(err)
		}
		if err := admin.result(); (err == nil) != (args.Flags == 0) {
			t.Errorf("flags %d: %v", args.Flags, err)
		}
	}
}

func TestHints(t *testing.T) {
	d := daemontest.Start(t)
	dir := t.TempDir()
	a, b := registerAs(t, d.Socket, "a"), registerAs(t, d.Socket, "b")
	if err := os.Symlink("x", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	a.must("lockspace.create", `{"path":%q}`, dir)
	for _, c := range []struct{ space, name, command string }{
		{"", newFile(t, dir, "it's here"), `virtlock-admin inspect '` + dir + `/it'\''s here'`},
		{"", newFile(t, dir, "$HOME"), `virtlock-admin inspect '` + dir + `/$HOME'`},
		{dir, "r", "virtlock-admin inspect " + dir + " r"},
		{dir, "-q", "virtlock-admin inspect -- " + dir + " -q"},
	} {
		params := fmt.Sprintf(`{"resources":[{"lockspace":%q,"name":%q,"autocreate":true}]}`, c.space, c.name)
		a.must("lock.acquire", "%s", params)
		err := b.call("lock.acquire", "%s", params)
		if codeOf(err) != api.CodeBusy || !strings.HasSuffix(err.Data.Hint, ": "+c.command) {
			t.Errorf("%s: %+v", c.name, err)
		}
	}
	err := b.call("lock.acquire", `{"resources":[{"lockspace":%q,"name":"link"}]}`, dir)
	if codeOf(err) != api.CodeInvalid || err.Data.Errno != int(unix.ELOOP) || !strings.Contains(err.Data.Hint, "symbolic link") {
		t.Errorf("a link: %+v", err)
	}
}

// TestWhoWaitsHearsOfTheEnd of the daemon, in a sentence.
func TestWhoWaitsHearsOfTheEnd(t *testing.T) {
	var c *jsonConn
	t.Run("daemon", func(sub *testing.T) {
		d := daemontest.Start(sub)
		disk := newFile(t, t.TempDir(), "a.img")
		registerFor(t, d.Socket, newGuest(t).PID, api.TiedToProcess).acquire(disk) // longer than the daemon
		c = registerAs(t, d.Socket, "c")
		c.startWait(1, api.Exclusive, disk)
	})
	if got := c.answer(); codeOf(got.Error) != api.CodeLimit || got.Error.Message != "the daemon or the connection ends" {
		t.Errorf("%+v", got.Error)
	}
}
