package bed

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Daemon is one of the two virtlockd.
type Daemon struct {
	// Name is for the names of subtests.
	Name    string
	path    string // empty for ours, which has to be built first
	version string // of ours, when it is not the usual one
}

// The two daemons. What Libvirts does wrong is tested too, so that what we
// claim about it stays true.
var (
	Ours     = Daemon{Name: "ours"}
	Libvirts = Daemon{Name: "libvirts", path: "/usr/sbin/virtlockd"}
)

// Next is ours as an upgrade brings it: it says that it is NextVersion.
var Next = Daemon{Name: "next", version: NextVersion}

// At is our daemon built in another way, or a copy of it.
func At(path string) Daemon { return Daemon{Name: "ours", path: path} }

// The sockets of a host's virtlockd.
const (
	Socket      = "/run/libvirt/virtlockd-sock"
	AdminSocket = "/run/libvirt/virtlockd-admin-sock"
)

// Path is the daemon's program.
func (d Daemon) Path(t testing.TB) string {
	t.Helper()
	switch {
	case d.version != "":
		return nextBinary(t)
	case d.path == "":
		return Binary(t, "virtlockd")
	}
	Need(t, d.path)
	return d.path
}

// Both runs a test once with each daemon, beside other tests.
func Both(t *testing.T, test func(t *testing.T, d Daemon)) {
	t.Parallel()
	for _, d := range []Daemon{Ours, Libvirts} {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			test(t, d)
		})
	}
}

// BothBooted is Both with a host on which the daemon and libvirtd run.
func BothBooted(t *testing.T, test func(t *testing.T, h *Host)) {
	Both(t, func(t *testing.T, d Daemon) {
		h := NewHost(t, d)
		h.StartVirtlockd()
		h.StartLibvirtd()
		test(t, h)
	})
}

// StartVirtlockd starts the host's daemon in the foreground and waits until its
// socket answers.
func (h *Host) StartVirtlockd(args ...string) *Process {
	h.t.Helper()
	return h.startServer(exec.Command(h.lockdPath(), args...), Socket)
}

// StartVirtlockdWith is StartVirtlockd with more in its environment.
func (h *Host) StartVirtlockdWith(environment ...string) *Process {
	h.t.Helper()
	cmd := exec.Command(h.Lockd.Path(h.t))
	cmd.Env = append(os.Environ(), environment...)
	return h.startServer(cmd, Socket)
}

// startServer starts a program and waits until it accepts connections.
func (h *Host) startServer(cmd *exec.Cmd, socket string) *Process {
	h.t.Helper()
	p := h.Start(cmd)
	Eventually(h.t, filepath.Base(cmd.Path)+" answers on "+socket, func() bool {
		if !p.Running() {
			h.t.Fatalf("%s ended with %s", cmd.Path, p.cmd.ProcessState)
		}
		conn, err := h.Dial(socket)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
	return p
}

// Dial connects to a socket of the host.
func (h *Host) Dial(socket string) (net.Conn, error) {
	var conn net.Conn
	err := h.Do(func() (err error) {
		// connect(2) happens on this thread, so the path is the host's.
		conn, err = net.Dial("unix", socket)
		return err
	})
	return conn, err
}

// Exists reports whether the host has a file.
func (h *Host) Exists(path string) bool {
	return h.Do(func() error {
		_, err := os.Lstat(path)
		return err
	}) == nil
}
