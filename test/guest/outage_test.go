package guest

import (
	"testing"

	"golang.org/x/sys/unix"
	"virtlock/test/bed"
)

// While the daemon is away the locks stay, and nobody gets new ones.
func TestGuestsLiveThroughACrash(t *testing.T) {
	onFleets(t, bed.Ours, func(t *testing.T, f *fleet) {
		f.stop(unix.SIGKILL)
		f.checkOutage()
		f.lockd = f.StartVirtlockd()
		f.start("spare")
		f.start("victim")
		f.check("crash")

		f.stop(unix.SIGKILL)
		f.libvirtd.Stop(unix.SIGKILL)
		f.lockd = f.StartVirtlockd() // libvirtd does not start without it where it has lockspaces
		f.libvirtd = f.StartLibvirtd()
		f.check("crash of both")
	})
}

// A stop and a start is what systemctl restart does. That of libvirt's daemon kills
// the guests.
func TestGuestsLiveThroughStopAndStart(t *testing.T) {
	onFleets(t, bed.Ours, func(t *testing.T, f *fleet) {
		f.stop(unix.SIGTERM)
		f.lockd = f.StartVirtlockd()
		f.check("stop and start")
	})
}

// stop ends the daemon without a successor.
func (f *fleet) stop(how unix.Signal) {
	f.t.Helper()
	f.lockd.Stop(how)
	clear(f.connected)
	f.checkGuests()
}

// checkOutage looks at a host whose daemon is away. Of guests that end meanwhile
// the disks are free.
func (f *fleet) checkOutage() {
	f.t.Helper()
	for _, disk := range []string{"data", "db-1"} { // free, and locked
		if err := f.Create(bed.WithDisk("new", f.image(disk))); err == nil {
			f.t.Errorf("a guest was started with disk %s", disk)
		}
	}
	if _, err := f.Virsh("resume", "idle"); err == nil {
		f.t.Error("a guest was resumed")
	}
	f.MustVirsh("destroy", "spare")
	f.waitFree("spare")
	must(f.t, unix.Kill(f.GuestPID("victim"), unix.SIGKILL))
	f.waitFree("victim")
	bed.Eventually(f.t, "libvirt sees that the guest is gone", func() bool { return f.State("victim") == "absent" })
}
