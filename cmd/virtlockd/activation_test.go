package main

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
)

// passed is a descriptor to pass as systemd does.
type passed struct{ file *os.File }

// listenAt makes a listening socket at a path of the host, and a descriptor of it.
func (h *host) listenAt(network, name string) passed {
	h.t.Helper()
	h.write("run/libvirt/x", "")
	l, err := net.ListenUnix(network, &net.UnixAddr{Name: h.path(name), Net: network})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { l.Close() })
	l.SetUnlinkOnClose(false)
	f, err := l.File()
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { f.Close() })
	return passed{f}
}

// activate starts our daemon with descriptors, as systemd does: the PID in
// LISTEN_PID is that of the daemon itself.
func (h *host) activate(environment []string, descriptors ...passed) *process {
	h.t.Helper()
	cmd := h.command("sh", "-c", `LISTEN_PID=${LISTEN_PID:-$$} exec "$@"`, "sh", ours, "-f", "virtlockd.conf", "-v")
	for _, d := range descriptors {
		cmd.ExtraFiles = append(cmd.ExtraFiles, d.file)
	}
	cmd.Env = append(cmd.Env, fmt.Sprintf("LISTEN_FDS=%d", len(descriptors)))
	cmd.Env = append(cmd.Env, environment...)
	return startCommand(h.t, cmd)
}

const bothNames = "LISTEN_FDNAMES=virtlockd.socket:virtlockd-admin.socket"

func TestActivation(t *testing.T) {
	tests := []struct {
		name        string
		environment []string
		sockets     []string
		admin       bool
	}{
		{"names", []string{bothNames}, []string{"main", "admin"}, true},
		{"names in another order", []string{"LISTEN_FDNAMES=virtlockd-admin.socket:virtlockd.socket"}, []string{"admin", "main"}, true},
		{"one name", []string{"LISTEN_FDNAMES=virtlockd.socket"}, []string{"main"}, false},
		{"no names", nil, []string{"libvirt/virtlockd-sock", "libvirt/virtlockd-admin-sock"}, true},
		{"no names, another order", nil, []string{"libvirt/virtlockd-admin-sock", "libvirt/virtlockd-sock"}, true},
		{"no names, one socket", nil, []string{"other-sock"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHost(t)
			var descriptors []passed
			for _, name := range test.sockets {
				descriptors = append(descriptors, h.listenAt("unix", "run/"+name))
			}
			p := h.activate(test.environment, descriptors...)
			status := fmt.Sprintf(`"pid":%d`, p.pid())
			for _, name := range test.sockets {
				// The socket takes connections before the daemon is there.
				checkContains(t, ask(t, h.path("run/"+name), "daemon.status"), status)
			}
			if test.admin {
				eventually(t, "the administration socket counts its own clients", func() bool {
					return strings.Contains(ask(t, h.path("run/"+adminOf(test.sockets)), "daemon.status"), `"admin_clients":1`)
				})
			}
			p.end()
			for _, name := range test.sockets {
				if !h.exists("run/" + name) {
					t.Errorf("%s was removed, but it is systemd's", name)
				}
			}
		})
	}
}

// adminOf returns the name of the administration socket.
func adminOf(sockets []string) string {
	return sockets[slices.IndexFunc(sockets, func(name string) bool { return strings.Contains(name, "admin") })]
}

func TestActivationThatIsRefused(t *testing.T) {
	stream := func(name string) func(*host) passed {
		return func(h *host) passed { return h.listenAt("unix", "run/"+name) }
	}
	datagram := func(h *host) passed {
		h.write("run/libvirt/x", "")
		conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: h.path("run/d-sock"), Net: "unixgram"})
		if err != nil {
			h.t.Fatal(err)
		}
		h.t.Cleanup(func() { conn.Close() })
		f, err := conn.File()
		if err != nil {
			h.t.Fatal(err)
		}
		h.t.Cleanup(func() { f.Close() })
		return passed{f}
	}
	network := func(h *host) passed {
		l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			h.t.Fatal(err)
		}
		h.t.Cleanup(func() { l.Close() })
		f, err := l.File()
		if err != nil {
			h.t.Fatal(err)
		}
		h.t.Cleanup(func() { f.Close() })
		return passed{f}
	}
	null := func(h *host) passed {
		f, err := os.Open(os.DevNull)
		if err != nil {
			h.t.Fatal(err)
		}
		h.t.Cleanup(func() { f.Close() })
		return passed{f}
	}
	packets := func(h *host) passed { return h.listenAt("unixpacket", "run/p-sock") }
	tests := []struct {
		name, names string
		descriptors []func(*host) passed
		want        string
	}{
		{"other name", "foo", []func(*host) passed{stream("a-sock")}, `descriptor 3: its name "foo" is neither virtlockd.socket nor virtlockd-admin.socket`},
		{"one more", "virtlockd.socket:foo", []func(*host) passed{stream("a-sock"), stream("b")}, `descriptor 4: its name "foo" is neither`},
		{"twice", "virtlockd.socket:virtlockd.socket", []func(*host) passed{stream("a-sock"), stream("b-sock")}, "descriptor 4: it is a second virtlockd.socket"},
		{"no lock socket", "virtlockd-admin.socket", []func(*host) passed{stream("a-admin-sock")}, "there is no virtlockd.socket among them"},
		{"fewer names", "virtlockd.socket", []func(*host) passed{stream("a-sock"), stream("b-sock")}, "LISTEN_FDNAMES has 1 names for 2 descriptors"},
		{"no name and another path", "", []func(*host) passed{stream("something")}, "is neither virtlockd.socket nor"},
		{"datagrams", "virtlockd.socket", []func(*host) passed{datagram}, "descriptor 3: the socket does not listen"},
		{"network", "virtlockd.socket", []func(*host) passed{network}, "descriptor 3: it is no UNIX stream socket"},
		{"packets", "virtlockd.socket", []func(*host) passed{packets}, "descriptor 3: it is no UNIX stream socket"},
		{"no socket", "virtlockd.socket", []func(*host) passed{null}, "descriptor 3: socket operation on non-socket"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHost(t)
			var descriptors []passed
			for _, open := range test.descriptors {
				descriptors = append(descriptors, open(h))
			}
			got := h.activate([]string{"LISTEN_FDNAMES=" + test.names}, descriptors...).wait()
			if got.status != exitSockets {
				t.Errorf("status %d", got.status)
			}
			checkContains(t, got.stderr, "cannot use the sockets passed by systemd: ")
			checkContains(t, got.stderr, test.want)
			if h.exists("run/virtlockd.pid") || h.exists("run/libvirt/virtlockd-sock") {
				t.Error("files are left")
			}
		})
	}
}

func TestDescriptorsThatDoNotExist(t *testing.T) {
	h := newHost(t)
	got := h.activate([]string{"LISTEN_FDS=1000000"}).wait()
	if got.status != exitSockets {
		t.Errorf("got %+v", got)
	}
}

// TestActivationOfSomebodyElse leaves variables for others alone.
func TestActivationOfSomebodyElse(t *testing.T) {
	for _, variable := range []string{"LISTEN_PID=1", "LISTEN_FDS=x", "LISTEN_FDS=0", "LISTEN_FDS=-1"} {
		h := newHost(t)
		p := h.activate([]string{bothNames, variable}, h.listenAt("unix", "run/theirs"))
		p.awaitSocket(h.adminSocket())
		if pid, _ := servedBy(h.socket()); pid != p.pid() {
			t.Errorf("%s: the daemon does not serve its own socket", variable)
		}
		p.end()
	}
}
