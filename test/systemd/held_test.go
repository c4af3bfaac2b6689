package systemd

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"virtlock/test/bed"
)

// owner is a process on the machine that holds the lock of a disk.
type owner struct {
	pid  int
	disk string
}

// newOwner starts a process and takes a lock for it, on a connection that closes:
// as libvirtd does.
func (m booted) newOwner(t *testing.T) owner {
	t.Helper()
	o := owner{m.Spawn(t), bed.Image(t, m.Shared, strings.ReplaceAll(t.Name(), "/", "_"))}
	c := m.Owner(t, "web01", o.pid)
	c.MustAcquire(bed.Direct(o.disk))
	c.Close()
	return o
}

// release gives the lock back, on a connection of its own.
func (o owner) release(t *testing.T, m booted) {
	t.Helper()
	c := m.Owner(t, "web01", o.pid)
	c.MustRelease(bed.Direct(o.disk))
	c.Close()
}

// wantListed checks that the lock is what virtlock-admin shows, and that it is
// the kernel's.
func (o owner) wantListed(t *testing.T, m booted) {
	t.Helper()
	out := m.MustRun(t, "virtlock-admin", "--quiet", "list", "--name", o.disk)
	want := fmt.Sprintf("-\t%s\texclusive\tweb01\t-\t%d\t", o.disk, o.pid)
	if !strings.HasPrefix(out, want) || strings.Count(out, "\n") > 0 {
		t.Errorf("virtlock-admin lists %q instead of %q", out, want)
	}
	if locks := bed.KernelLocks(t, o.disk); len(locks) != 1 || locks[0] != "OFDLCK WRITE" {
		t.Errorf("the kernel has %q", locks)
	}
}

// held does all that can be done to a service while a lock is held, and a prober
// tries to take it. Its owner lives on, so the prober must never succeed.
func held(t *testing.T, m booted) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, booted)
	}{
		{"reload", reload},
		{"reload that is refused", refusedReload},
		{"restart", restart},
		{"stop and start", stopAndStart},
		{"stop of all units", stopOfAll},
		{"kill", kill},
		{"kill of the keeper", killKeeper},
		{"watchdog", watchdog},
	} {
		t.Run(test.name, func(t *testing.T) {
			m.MustRun(t, "systemctl", "start", service)
			o := m.newOwner(t)
			p := startProber(t, o.disk)
			test.run(t, m)
			o.wantListed(t, m)
			p.wantNone()
			after := startProber(t, o.disk)
			o.release(t, m)
			after.await("won OFD")
			after.await("won POSIX")
		})
	}
}

// program is what the unit starts.
const program = "/usr/sbin/virtlockd"

// reload upgrades the daemon: the program is replaced, and executed in place.
func reload(t *testing.T, m booted) {
	pid := m.mainPID(t)
	m.MustRun(t, "sh", "-c", "cp "+program+" /usr/sbin/new && mv /usr/sbin/new "+program)
	m.MustRun(t, "systemctl", "reload", service)
	m.wantRunning(t)
	if now := m.mainPID(t); now != pid {
		t.Errorf("process %d became %d", pid, now)
	}
	// What runs a file that has been replaced is " (deleted)".
	if file := m.MustRun(t, "readlink", fmt.Sprintf("/proc/%d/exe", pid)); file != program {
		t.Errorf("it runs %s", file)
	}
	if restarts := m.Property(t, service, "NRestarts"); restarts != "0" {
		t.Errorf("it was restarted %s times", restarts)
	}
}

// refusedReload tries to reload to a program that is no lock daemon.
func refusedReload(t *testing.T, m booted) {
	pid := m.mainPID(t)
	m.MustRun(t, "sh", "-c", "mv "+program+" /usr/sbin/kept && cp /bin/false "+program)
	t.Cleanup(func() { m.MustRun(t, "mv", "/usr/sbin/kept", program) })
	if out, err := m.Run("systemctl", "reload", service); err == nil {
		t.Errorf("reload succeeds: %s", out)
	}
	m.WaitProperty(t, service, "SubState", "running")
	bed.Eventually(t, "the status says that it serves", func() bool {
		return strings.HasPrefix(m.Property(t, service, "StatusText"), serving)
	})
	if status := m.status(t); status.PID != pid {
		t.Errorf("process %d became %d", pid, status.PID)
	}
}

func restart(t *testing.T, m booted) {
	pid := m.mainPID(t)
	m.MustRun(t, "systemctl", "restart", service)
	m.wantRunning(t)
	if now := m.mainPID(t); now == pid {
		t.Error("it is the same process")
	}
}

func stopAndStart(t *testing.T, m booted) {
	m.MustRun(t, "systemctl", "stop", service)
	if state := m.Property(t, service, "ActiveState"); state != "inactive" {
		t.Errorf("stopped, it is %s", state)
	}
	m.MustRun(t, "systemctl", "start", service)
	m.wantRunning(t)
}

// stopOfAll stops the sockets as well; then the first client starts the daemon.
func stopOfAll(t *testing.T, m booted) {
	sockets := []string{"virtlockd.socket", "virtlockd-admin.socket"}
	m.MustRun(t, append([]string{"systemctl", "stop", service}, sockets...)...)
	m.MustRun(t, append([]string{"systemctl", "start"}, sockets...)...)
	m.MustRun(t, "virtlock-admin", "status")
	m.wantRunning(t)
}

func kill(t *testing.T, m booted) {
	pid := m.mainPID(t)
	m.kill(t, "KILL")
	m.wantOther(t, pid)
}

// killKeeper kills the keeper, as the kernel may when memory runs out. The service
// goes on with another one, which is as good.
func killKeeper(t *testing.T, m booted) {
	pid, first := m.mainPID(t), m.keeper()
	if first == "" {
		t.Fatal("there is no keeper")
	}
	m.MustRun(t, "kill", "-KILL", first)
	bed.Eventually(t, "there is another keeper", func() bool {
		now := m.keeper()
		return now != "" && now != first
	})
	m.wantRunning(t)
	if now := m.mainPID(t); now != pid {
		t.Errorf("process %d became %d", pid, now)
	}
	kill(t, m)
}

// keeper is the PID of the keeper, empty when there is none.
func (m booted) keeper() string {
	out, _ := m.Run("pgrep", "--full", "virtlockd .*--keeper")
	return out
}

// watchdog stops the daemon, which then says nothing any more.
func watchdog(t *testing.T, m booted) {
	const dropIn = "/run/systemd/system/virtlockd.service.d/watchdog.conf"
	m.MustRun(t, "sh", "-c", "mkdir -p ${0%/*} && printf '[Service]\nWatchdogSec=2\nTimeoutAbortSec=1\n' >$0 && systemctl daemon-reload", dropIn)
	t.Cleanup(func() {
		m.MustRun(t, "sh", "-c", "rm $0 && systemctl daemon-reload && systemctl restart "+service, dropIn)
	})
	m.MustRun(t, "systemctl", "restart", service) // which learns of the time at its start
	pid := m.mainPID(t)
	m.kill(t, "STOP")
	m.wantOther(t, pid)
	m.wantJournal(t, "virtlockd.service: Watchdog timeout", "3")
}

// handBackTurnsTheWatchdogOff: libvirt's daemon, which says nothing to it, would be
// killed by it.
func handBackTurnsTheWatchdogOff(t *testing.T, m booted) {
	libvirts := filepath.Join(m.Shared, "libvirts")
	if out, err := exec.Command("cp", bed.Libvirts.Path(t), libvirts).CombinedOutput(); err != nil {
		t.Fatalf("copy libvirt's daemon: %v: %s", err, out)
	}
	m.MustRun(t, "systemctl", "start", service)
	pid := m.mainPID(t)
	m.MustRun(t, "virtlock-admin", "reexec", libvirts)
	m.WaitProperty(t, service, "WatchdogUSec", "0")
	m.WaitProperty(t, service, "StatusText", "Libvirt's daemon serves in place of this one")
	// It says itself that it runs, and executes what is at its path in its turn.
	m.WaitProperty(t, service, "SubState", "running")
	m.MustRun(t, "sh", "-c", "cp "+program+" $0.new && mv $0.new $0", libvirts)
	m.kill(t, "USR1")
	m.WaitProperty(t, service, "WatchdogUSec", "30s")
	m.wantRunning(t)
	if status := m.status(t); status.PID != pid {
		t.Errorf("process %d became %d", pid, status.PID)
	}
	m.MustRun(t, "systemctl", "restart", service)
}

// wantOther waits until systemd has started another daemon in place of one.
func (m booted) wantOther(t *testing.T, than int) {
	t.Helper()
	bed.Eventually(t, "there is another daemon", func() bool {
		pid := m.mainPID(t)
		return pid != than && pid != 0
	})
	m.wantRunning(t)
}

func (m booted) wantRunning(t *testing.T) {
	t.Helper()
	m.WaitProperty(t, service, "SubState", "running")
	m.WaitProperty(t, service, "StatusText", serving)
}
