package handover_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/daemon/internal/virnet"
)

const (
	libvirtsDaemon = "/usr/sbin/virtlockd"
	libvirtsState  = "/run/virtlockd-restart-exec.json"
)

// libvirtRig is libvirt's daemon, from a copy at a path of its own, with a /run
// of its own. The program at the path can be replaced.
type libvirtRig struct {
	dir     string // its /run is below
	program string
	pid     int
	ended   chan struct{}
	cmd     *exec.Cmd
}

// startLibvirt starts libvirt's daemon. role is what this test binary is when it
// starts in its place.
func startLibvirt(t *testing.T, role string) *libvirtRig {
	t.Helper()
	dir, err := os.MkdirTemp("", "vl") // short: sockets have paths of at most 107 bytes
	need(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	r := &libvirtRig{dir: dir, program: dir + "/virtlockd", ended: make(chan struct{})}
	need(t, os.MkdirAll(r.run("libvirt"), 0o755))
	r.replace(t, libvirtsDaemon)
	const script = `mount --make-rprivate / && mount --bind "$1/run" /run && cd / && exec "$1/virtlockd"`
	r.cmd = exec.Command("unshare", "--mount", "sh", "-c", script, "sh", dir)
	r.cmd.Env = append(os.Environ(), roleEnv+"="+role, "GORACE=atexit_sleep_ms=0")
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	log, err := os.Create(r.run("log"))
	need(t, err)
	defer log.Close()
	r.cmd.Stdout, r.cmd.Stderr = log, log
	need(t, r.cmd.Start())
	r.pid = r.cmd.Process.Pid
	go func() { r.cmd.Wait(); close(r.ended) }()
	t.Cleanup(func() {
		r.cmd.Process.Kill() // its SIGTERM would kill the owners
		<-r.ended
		if t.Failed() {
			said, _ := os.ReadFile(r.run("log"))
			t.Logf("the daemons said:\n%s", said)
		}
	})
	r.until(t, "it listens", func() bool {
		c, err := net.Dial("unix", r.run("libvirt/virtlockd-admin-sock"))
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	return r
}

func (r *libvirtRig) run(name string) string { return filepath.Join(r.dir, "run", name) }

// replace puts a copy of a program at the daemon's path.
func (r *libvirtRig) replace(t *testing.T, program string) {
	t.Helper()
	b, err := os.ReadFile(program)
	need(t, err)
	need(t, os.WriteFile(r.program+".new", b, 0o755))
	need(t, os.Rename(r.program+".new", r.program))
}

// restart makes the daemon, or what is in its place, execute its successor.
func (r *libvirtRig) restart(t *testing.T) {
	t.Helper()
	need(t, unix.Kill(r.pid, unix.SIGUSR1))
}

// until waits until something holds, or the daemon has ended.
func (r *libvirtRig) until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		select {
		case <-r.ended:
			t.Fatalf("before %s: the daemon ended: %v", what, r.cmd.ProcessState)
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("in 20 seconds it did not happen that %s", what)
		}
	}
}

// file makes an image.
func (r *libvirtRig) file(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(r.dir, name)
	need(t, os.WriteFile(path, []byte("disk"), 0o600))
	return path
}

// libvirtConn is a connection that speaks libvirt's protocol.
type libvirtConn struct {
	net.Conn
	serial uint32
}

func (r *libvirtRig) dial(t *testing.T, socket string) *libvirtConn {
	t.Helper()
	c, err := net.Dial("unix", r.run("libvirt/"+socket))
	need(t, err)
	need(t, c.SetDeadline(time.Now().Add(20*time.Second)))
	t.Cleanup(func() { c.Close() })
	return &libvirtConn{Conn: c}
}

// client is a connection to the main socket, registered for a process.
func (r *libvirtRig) client(t *testing.T, name string, pid int) *libvirtConn {
	t.Helper()
	c := r.dial(t, "virtlockd-sock")
	uuid := [16]byte{15: byte(len(name)), 0: 0xAB}
	need(t, c.call(virnet.ProcRegister, virnet.Register{UUID: uuid, Name: name, ID: 7, PID: uint32(pid)}))
	return c
}

func (c *libvirtConn) acquire(space, name string, flags uint32) error {
	return c.call(virnet.ProcAcquire, virnet.Acquire{Path: space, Name: name, Flags: flags})
}

func (c *libvirtConn) release(space, name string) error {
	return c.call(virnet.ProcRelease, virnet.Release{Path: space, Name: name})
}

// call calls the lock program. It fails with a *virnet.Error.
func (c *libvirtConn) call(procedure int32, args virnet.Payload) error {
	return c.callProgram(virnet.ProgramLock, procedure, args)
}

func (c *libvirtConn) callProgram(program uint32, procedure int32, args virnet.Payload) error {
	h := virnet.Header{Program: program, Version: virnet.Version, Procedure: procedure, Serial: c.serial}
	c.serial++
	if _, err := c.Write(virnet.AppendMessage(nil, h, args.Append(nil))); err != nil {
		return err
	}
	b := make([]byte, virnet.LengthSize)
	if _, err := io.ReadFull(c, b); err != nil {
		return err
	}
	size := int(b[2])<<8 | int(b[3])
	b = append(b, make([]byte, size-len(b))...)
	if _, err := io.ReadFull(c, b[virnet.LengthSize:]); err != nil {
		return err
	}
	reply, payload := virnet.ParseHeader(b)
	if reply.Status == virnet.OK {
		return nil
	}
	failure := new(virnet.Error)
	return errors.Join(failure.Decode(payload), failure)
}

// refused reports whether a lock was refused because somebody has it.
func refused(err error) bool {
	var failure *virnet.Error
	return errors.As(err, &failure) && failure.Code == virnet.CodeResourceBusy
}

// libvirtGuest starts a process that can own locks.
func libvirtGuest(t *testing.T) int {
	t.Helper()
	cmd := exec.Command("sleep", "infinity")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	need(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd.Process.Pid
}

func need(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equals[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, not %v", what, fmt.Sprint(got), fmt.Sprint(want))
	}
}
