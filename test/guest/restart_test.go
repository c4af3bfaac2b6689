package guest

import (
	"testing"

	"golang.org/x/sys/unix"
	"virtlock/test/bed"
)

func TestLibvirtdRestartLosesNoLock(t *testing.T) {
	for name, sig := range map[string]unix.Signal{"stopped": unix.SIGTERM, "killed": unix.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			bed.Both(t, func(t *testing.T, d bed.Daemon) {
				h := bed.NewHost(t, d)
				h.StartVirtlockd()
				libvirtd := h.StartLibvirtd()
				image := bed.Image(t, bed.Dir(t), "a.img")
				h.MustCreate(bed.WithDisk("web01", image))

				libvirtd.Stop(sig)
				wantLocks(t, h, image, "WRITE")
				h.StartLibvirtd()
				runs(t, h, "web01")
				refused(t, h, h.Create(bed.WithDisk("web02", image)), `guest "web01"`)

				h.MustVirsh("destroy", "web01")
				must(t, bed.WaitFree(image))
				h.MustCreate(bed.WithDisk("web02", image))
			})
		})
	}
}

func TestGuestThatDiesWhileLibvirtdIsAwayFreesItsDisk(t *testing.T) {
	bed.Both(t, func(t *testing.T, d bed.Daemon) {
		h := bed.NewHost(t, d)
		h.StartVirtlockd()
		libvirtd := h.StartLibvirtd()
		image := bed.Image(t, bed.Dir(t), "a.img")
		guest := h.MustCreate(bed.WithDisk("web01", image))

		libvirtd.Stop(unix.SIGTERM)
		must(t, unix.Kill(guest, unix.SIGKILL))
		must(t, bed.WaitFree(image))
		h.StartLibvirtd()
		h.MustCreate(bed.WithDisk("web02", image))
	})
}

// Libvirt's daemon kills every guest that holds a lock when it is stopped.
func TestStoppedDaemonKillsNoGuest(t *testing.T) {
	bed.Both(t, func(t *testing.T, d bed.Daemon) {
		h := bed.NewHost(t, d)
		lockd := h.StartVirtlockd()
		h.StartLibvirtd()
		image := bed.Image(t, bed.Dir(t), "a.img")
		guest := h.MustCreate(bed.WithDisk("web01", image))

		if how := lockd.Stop(unix.SIGTERM); how != "exit status 0" {
			t.Errorf("virtlockd ended with %s", how)
		}
		if d == bed.Libvirts {
			bed.Eventually(t, "libvirt's daemon killed the guest", func() bool { return !bed.Alive(guest) })
			return
		}
		runs(t, h, "web01")
		wantLocks(t, h, image, "WRITE")
		h.StartVirtlockd()
		runs(t, h, "web01")
		wantLocks(t, h, image, "WRITE")
		h.MustCreate(bed.WithDisk("web02", bed.Image(t, bed.Dir(t), "b.img")))
	})
}

func TestCrashedDaemonKillsNoGuest(t *testing.T) {
	bed.Both(t, func(t *testing.T, d bed.Daemon) {
		h := bed.NewHost(t, d)
		lockd := h.StartVirtlockd()
		h.StartLibvirtd()
		h.MustCreate(bed.WithDisk("web01", bed.Image(t, bed.Dir(t), "a.img")))

		lockd.Stop(unix.SIGKILL)
		runs(t, h, "web01")
		h.StartVirtlockd() // over the files that the dead one left
		runs(t, h, "web01")
		h.MustCreate(bed.WithDisk("web02", bed.Image(t, bed.Dir(t), "b.img")))
	})
}
