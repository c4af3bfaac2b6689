package daemon_test

import (
	"bytes"
	"flag"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"virtlock/daemon/daemontest"
	"virtlock/daemon/internal/virnet"
)

// fuzzBed is a daemon that no input may harm.
type fuzzBed struct{ socket string }

func newFuzzBed(f *testing.F) fuzzBed {
	f.Helper()
	dropRights(f)
	return fuzzBed{daemontest.Start(f).Socket}
}

// dropRights keeps a process that fuzzes from doing harm as root: what it makes
// up may well be a request to create or remove a file. The seeds do so only where
// they may.
func dropRights(f *testing.F) {
	f.Helper()
	if flag.Lookup("test.fuzzworker").Value.String() != "true" || os.Geteuid() != 0 {
		return
	}
	for _, err := range []error{syscall.Setgroups(nil), syscall.Setgid(someUser), syscall.Setuid(someUser)} {
		if err != nil {
			f.Fatal(err)
		}
	}
}

// serves fails the test unless others are served.
func (b fuzzBed) serves(t *testing.T) {
	t.Helper()
	if s := dialJSON(t, b.socket).status(); s.PID != os.Getpid() {
		t.Errorf("status %+v", s)
	}
	if !dialRPC(t, b.socket).answersPing() {
		t.Error("libvirt's protocol is not served any more")
	}
}

// FuzzJSONLine sends a line. The next one must be answered, whatever it was.
func FuzzJSONLine(f *testing.F) {
	dir := f.TempDir()
	for _, list := range [][]conversation{jsonMethods, jsonRequests} {
		for _, c := range list {
			for _, x := range c.exchanges {
				f.Add([]byte(strings.ReplaceAll(x.request, "DIR", dir)))
			}
		}
	}
	b := newFuzzBed(f)
	const last = `{"id":"the last one","method":"lockspace.list"}` + "\n"
	f.Fuzz(func(t *testing.T, line []byte) {
		c := newJSONConn(t, dial(t, b.socket))
		line = bytes.ReplaceAll(line, []byte("\n"), []byte(" "))
		// Written beside the reading, as either may have to wait for the other.
		go c.Write(append(append([]byte(" "), line...), "\n"+last...))
		for !strings.Contains(c.line(), `"id":"the last one"`) {
		}
		b.serves(t)
	})
}

// FuzzRPC sends a payload to a procedure. A ping behind it must be answered.
func FuzzRPC(f *testing.F) {
	f.Add(virnet.ProcRegister, registration(1).Append(nil))
	f.Add(virnet.ProcRestrict, virnet.FlagsArgs{}.Append(nil))
	f.Add(virnet.ProcNew, virnet.New{Path: "relative"}.Append(nil))
	f.Add(virnet.ProcCreateLockspace, virnet.CreateLockspace{}.Append(nil))
	for procedure := virnet.ProcCreateResource; procedure <= virnet.ProcRelease; procedure++ {
		f.Add(procedure, virnet.Resource{Path: "/none", Name: "a", Flags: 3}.Append(nil))
		f.Add(procedure, virnet.Resource{Name: "a\x00b"}.Append(nil))
		f.Add(procedure, []byte{0xff, 0xff, 0xff, 0xff})
	}
	b := newFuzzBed(f)
	f.Fuzz(func(t *testing.T, procedure int32, payload []byte) {
		c := &rpcConn{Conn: dial(t, b.socket)}
		if err := c.register(os.Getpid()); err != nil {
			t.Fatal(err)
		}
		if len(payload) > 1<<20 {
			payload = payload[:1<<20]
		}
		go c.Write(append(virnet.AppendMessage(nil, lockCall(procedure), payload), ping...))
		c.result() // of the call: a result or an error, and no end
		if reply, err := c.reply(); err != nil || !bytes.Equal(reply, pong) {
			t.Errorf("after procedure %d: %x, %v", procedure, reply, err)
		}
		b.serves(t)
	})
}

// FuzzConnection sends anything. The connection may end, the daemon may not.
func FuzzConnection(f *testing.F) {
	for _, start := range rpcStarts {
		f.Add(start)
	}
	var r rpcConn
	f.Add(append(r.message(virnet.ProcRegister, registration(1)), ping...))
	f.Add([]byte(`{"id":1,"method":"event.subscribe"}` + "\n" + `{"id":2,"method":"client.list"}` + "\n"))
	f.Add([]byte("\x00\x00\x00\x1b{}\n"))
	b := newFuzzBed(f)
	f.Fuzz(func(t *testing.T, all []byte) {
		c := dial(t, b.socket)
		go func() {
			c.Write(all)
			c.(*net.UnixConn).CloseWrite()
		}()
		// All it has to say, up to the end, which it has to reach.
		var said bytes.Buffer
		if _, err := said.ReadFrom(c); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("neither an answer nor an end: %v", err)
		}
		b.serves(t)
	})
}
