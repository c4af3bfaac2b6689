// Package reexec tests that a daemon which executes its program anew, in place,
// loses nothing: real programs, real sockets, clients of both protocols.
package reexec

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
	"virtlock/test/bed"
)

func TestMain(m *testing.M) { bed.Main(m) }

// rig is a host with a daemon whose program a test may replace.
type rig struct {
	*bed.Host
	t       testing.TB
	program string
	daemon  *bed.Process
	control *bed.Conn
}

// start starts our daemon.
func start(t testing.TB, args ...string) *rig {
	t.Helper()
	return startAt(t, bed.Binary(t, "virtlockd"), args...)
}

// startAt starts a daemon from a program's file of its own.
func startAt(t testing.TB, binary string, args ...string) *rig {
	t.Helper()
	r := newRig(t, binary)
	r.daemon = r.StartVirtlockd(args...)
	r.control = r.Connect()
	return r
}

func newRig(t testing.TB, binary string) *rig {
	t.Helper()
	program := filepath.Join(bed.Dir(t), "virtlockd")
	if err := os.Link(binary, program); err != nil {
		t.Fatal(err)
	}
	return &rig{Host: bed.NewHost(t, bed.At(program)), t: t, program: program}
}

// reexec re-executes the daemon, and gives what the new program says.
func (r *rig) reexec() (result api.ReexecResult) {
	r.t.Helper()
	r.control.Must(api.DaemonReexec, api.Empty{}, &result)
	return result
}

// replace puts another file in the place of the program's, as dpkg does.
func (r *rig) replace(file string) {
	r.t.Helper()
	if err := os.Rename(file, r.program); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) status() (s api.Status) {
	r.t.Helper()
	r.control.Must(api.DaemonStatus, api.Empty{}, &s)
	return s
}

func (r *rig) clients() []api.Client {
	r.t.Helper()
	var result api.ClientsResult
	r.control.Must(api.ClientList, api.Empty{}, &result)
	return result.Clients
}

// guest is a process that owns locks.
func (r *rig) guest() *bed.Process { return r.Start(exec.Command("sleep", "infinity")) }

// image is an empty disk image.
func (r *rig) image() string { return bed.Image(r.t, bed.Dir(r.t), "a.img") }

// isLocked reports whether the kernel keeps others from a file.
func isLocked(path string) bool {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	lock := unix.Flock_t{Type: unix.F_WRLCK, Len: 1}
	return unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &lock) != nil
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// startStubborn starts a guest that does not end when it is asked to.
func (r *rig) startStubborn() *bed.Process {
	r.t.Helper()
	dir := bed.Dir(r.t)
	p := r.Start(exec.Command("sh", "-c", "trap '' TERM; touch "+dir+"/ready; while :; do sleep 1; done"))
	bed.Eventually(r.t, "the guest ignores signals", func() bool { return r.Exists(dir + "/ready") })
	return p
}
