package guest

import (
	"testing"

	"golang.org/x/sys/unix"
	"virtlock/test/bed"
)

// While the daemon is away the locks stay, and nobody gets new ones.
func TestGuestsLiveThroughAnOutage(t *testing.T) {
	onFleets(t, bed.Ours, func(t *testing.T, f *fleet) {
		must(t, f.Attach("db", "sdc", bed.Disk{Path: f.image("data")}))
		f.lockd.Stop(unix.SIGKILL)
		clear(f.connected)
		f.checkOutage()
		f.lockd = f.StartVirtlockd()
		f.checkAfterOutage()
		f.start("spare")
		f.start("victim")
		f.check("crash")

		f.stop(unix.SIGKILL)
		f.libvirtd.Stop(unix.SIGKILL)
		f.startBoth()
		f.check("crash of both")

		// What systemctl restart does. That of libvirt's daemon kills the guests.
		f.stop(unix.SIGTERM)
		f.lockd = f.StartVirtlockd()
		f.check("stop and start")
	})
}

// startBoth starts both daemons. Where libvirtd has lockspaces it does not start
// before the other one.
func (f *fleet) startBoth() {
	f.t.Helper()
	if f.leases == "" {
		f.libvirtd = f.StartLibvirtd()
	}
	f.lockd = f.StartVirtlockd()
	if f.leases != "" {
		f.libvirtd = f.StartLibvirtd()
	}
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
	for _, disk := range []string{"new", "db-1"} { // free, and locked
		if err := f.Create(bed.WithDisk("new", f.image(disk))); err == nil {
			f.t.Errorf("a guest was started with disk %s", disk)
		}
	}
	if _, err := f.Virsh("resume", "idle"); err == nil {
		f.t.Error("a guest was resumed")
	}
	// libvirtd cannot give these back, and goes on.
	f.MustVirsh("suspend", "db")
	f.MustVirsh("suspend", "web01")
	f.MustVirsh("detach-disk", "db", "sdc")
	f.MustVirsh("destroy", "spare")
	f.waitFree("spare")
	must(f.t, unix.Kill(f.GuestPID("victim"), unix.SIGKILL))
	f.waitFree("victim")
	bed.Eventually(f.t, "libvirt sees that the guest is gone", func() bool { return f.State("victim") == "absent" })
}

// checkAfterOutage asks again for what could not be given back: the locks that a
// guest has must not be in its own way.
func (f *fleet) checkAfterOutage() {
	f.t.Helper()
	f.wantLocked("WRITE", "db-1", "db-2", "data")
	f.wantLocked("READ", "shared")
	refused(f.t, f.Host, f.Create(bed.WithDisk("thief", f.image("data"))), `guest "db"`)
	f.MustVirsh("resume", "db")
	f.MustVirsh("resume", "web01")
	must(f.t, f.Attach("db", "sdc", bed.Disk{Path: f.image("data")}))
	f.MustVirsh("detach-disk", "db", "sdc")
	f.wantLocked("", "data")
	// It is released as often as it was taken, and once more is refused.
	must(f.t, f.Attach("db", "sdc", bed.Disk{Path: f.image("data")}))
	refused(f.t, f.Host, f.Attach("db", "sdd", bed.Disk{Path: f.image("data")}), `guest "db"`)
	f.MustVirsh("detach-disk", "db", "sdc")
}
