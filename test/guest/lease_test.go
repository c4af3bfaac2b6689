package guest

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"virtlock/test/bed"
)

// leaseFile is where libvirt puts the lease of an image in a lockspace folder.
func leaseFile(folder, image string) string {
	return filepath.Join(folder, fmt.Sprintf("%x", sha256.Sum256([]byte(image))))
}

func TestFileLockspaceDirectory(t *testing.T) {
	bed.Both(t, func(t *testing.T, d bed.Daemon) {
		dir := bed.Dir(t)
		folder, image := filepath.Join(dir, "leases"), bed.Image(t, dir, "a.img")
		h := bed.NewHost(t, d)
		h.Leases(fmt.Sprintf("file_lockspace_dir = %q\n", folder))
		h.StartVirtlockd()
		h.StartLibvirtd()
		wantMode(t, folder, os.ModeDir|0o700)

		h.MustCreate(bed.WithDisk("web01", image))
		lease := leaseFile(folder, image)
		wantMode(t, lease, 0o600)
		wantLocks(t, h, lease, "WRITE")
		wantLocks(t, h, image)
		refused(t, h, h.Create(bed.WithDisk("web02", image)), filepath.Base(lease), `guest "web01"`)

		h.MustVirsh("destroy", "web01")
		bed.Eventually(t, "the lease is unlinked", func() bool {
			_, err := os.Lstat(lease)
			return os.IsNotExist(err)
		})
		h.MustCreate(bed.WithDisk("web02", image))
	})
}

func TestSharedLeaseGoesWithItsLastGuest(t *testing.T) {
	bed.Both(t, func(t *testing.T, d bed.Daemon) {
		dir := bed.Dir(t)
		image := bed.Image(t, dir, "a.img")
		h := bed.NewHost(t, d)
		h.Leases(fmt.Sprintf("file_lockspace_dir = %q\n", dir))
		h.StartVirtlockd()
		h.StartLibvirtd()
		shared := []bed.Disk{{Path: image, Shareable: true}}
		h.MustCreate(bed.Guest{Name: "web01", Disks: shared})
		h.MustCreate(bed.Guest{Name: "web02", Disks: shared})
		lease := leaseFile(dir, image)
		wantLocks(t, h, lease, "READ")

		h.MustVirsh("destroy", "web01")
		wantLocks(t, h, lease, "READ")
		h.MustVirsh("destroy", "web02")
		bed.Eventually(t, "the lease is unlinked", func() bool {
			_, err := os.Lstat(lease)
			return os.IsNotExist(err)
		})
	})
}

func TestExplicitLease(t *testing.T) {
	bed.Both(t, func(t *testing.T, d bed.Daemon) {
		dir := bed.Dir(t)
		folder := filepath.Join(dir, "cluster")
		h := bed.NewHost(t, d)
		h.Leases(fmt.Sprintf("file_lockspace_dir = %q\n", folder))
		h.StartVirtlockd()
		h.StartLibvirtd()
		holding := func(name string) bed.Guest {
			return bed.Guest{Name: name, Lease: &bed.Lease{Lockspace: "cluster", Key: "mail", Target: dir}}
		}

		if err := h.Create(holding("web01")); err == nil {
			t.Fatal("granted a lease whose file is missing")
		}
		key := bed.Image(t, folder, "mail")
		h.MustCreate(holding("web01"))
		wantLocks(t, h, key, "WRITE")
		refused(t, h, h.Create(holding("web02")), `'mail' is locked by guest "web01"`)

		h.MustVirsh("destroy", "web01")
		must(t, bed.WaitFree(key))
		wantMode(t, key, 0o644)
		h.MustCreate(holding("web02"))
	})
}

// wantMode fails the test unless a file is there with this mode.
func wantMode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != want {
		t.Errorf("%s has mode %v, want %v", path, info.Mode(), want)
	}
}
