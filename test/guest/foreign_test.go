package guest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
	"virtlock/test/bed"
)

func TestForeignLockRefusesTheGuest(t *testing.T) {
	bed.BothBooted(t, func(t *testing.T, h *bed.Host) {
		for _, kind := range []bed.Kind{bed.POSIX, bed.OFD} {
			image := bed.Image(t, bed.Dir(t), kind.Name+".img")
			guest := bed.WithDisk("web-"+kind.Name, image)
			lock := kind.Foreign(t, image, unix.F_WRLCK)
			refused(t, h, h.Create(guest), holder(kind), "not a client of this daemon")
			must(t, lock.Close())
			h.MustCreate(guest)
		}
	})
}

// holder is who the refusal names when this process has a foreign lock. Of an OFD
// lock the kernel does not say whose it is.
func holder(kind bed.Kind) string {
	if kind == bed.OFD {
		return "a program"
	}
	return fmt.Sprintf("process %d", os.Getpid())
}

func TestForeignSharedLockLetsShareableDisksIn(t *testing.T) {
	bed.BothBooted(t, func(t *testing.T, h *bed.Host) {
		for _, kind := range []bed.Kind{bed.POSIX, bed.OFD} {
			image := bed.Image(t, bed.Dir(t), kind.Name+".img")
			kind.Foreign(t, image, unix.F_RDLCK)
			refused(t, h, h.Create(bed.WithDisk("alone", image)))
			h.MustCreate(bed.Guest{
				Name:  "web-" + kind.Name,
				Disks: []bed.Disk{{Path: image, Shareable: true}},
			})
		}
	})
}

// A host with our daemon and one with libvirt's, on storage that both see.
func TestBothDaemonsRespectEachOther(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"image", "lockspace"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := bed.Dir(t)
			image, locked := bed.Image(t, dir, "a.img"), filepath.Join(dir, "a.img")
			var leases string
			if name == "lockspace" {
				leases = fmt.Sprintf("file_lockspace_dir = %q\n", dir)
				locked = leaseFile(dir, image)
			}
			ours, theirs := boot(t, bed.Ours, leases), boot(t, bed.Libvirts, leases)
			excludes(t, ours, theirs, image, locked)
			excludes(t, theirs, ours, image, locked)
		})
	}
}

// boot makes a host with leases as its configuration says.
func boot(t *testing.T, d bed.Daemon, leases string) *bed.Host {
	t.Helper()
	h := bed.NewHost(t, d)
	h.Leases(leases)
	h.StartVirtlockd()
	h.StartLibvirtd()
	return h
}

// excludes fails the test unless a guest of the first host keeps one of the
// second away from its disk, exactly until it ends. locked is the file that the
// daemons lock for the disk.
func excludes(t *testing.T, first, second *bed.Host, image, locked string) {
	t.Helper()
	first.MustCreate(bed.WithDisk("web01", image))
	wantLocks(t, first, locked, "WRITE")
	refused(t, second, second.Create(bed.WithDisk("web02", image)))
	wantLocks(t, first, locked, "WRITE")

	first.MustVirsh("destroy", "web01")
	bed.Eventually(t, "the second host gets the disk", func() bool {
		return second.Create(bed.WithDisk("web02", image)) == nil
	})
	wantLocks(t, second, locked, "WRITE")
	second.MustVirsh("destroy", "web02")
	bed.Eventually(t, "the disk is free", func() bool {
		return second.State("web02") == "absent"
	})
}
