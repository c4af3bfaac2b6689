package guest

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
	"virtlock/test/bed"
)

// Libvirt's daemon grants one image as often as it has names. Ours sees that
// they are one file.
func TestOneImageUnderManyNamesIsOneLock(t *testing.T) {
	bed.BothBooted(t, func(t *testing.T, h *bed.Host) {
		dir := bed.Dir(t)
		image := bed.Image(t, dir, "disk.img")
		must(t, os.Mkdir(filepath.Join(dir, "a"), 0o755))
		must(t, os.Symlink(image, filepath.Join(dir, "symlink.img")))
		must(t, os.Link(image, filepath.Join(dir, "hard.img")))
		bind := bed.Dir(t)
		must(t, h.Do(func() error { return unix.Mount(dir, bind, "", unix.MS_BIND, "") }))
		names := map[string]string{
			"dots":    dir + "/a/../disk.img",
			"symlink": filepath.Join(dir, "symlink.img"),
			"hard":    filepath.Join(dir, "hard.img"),
			"bind":    filepath.Join(bind, "disk.img"),
		}

		h.MustCreate(bed.WithDisk("web01", image))
		for guest, name := range names {
			err := h.Create(bed.WithDisk(guest, name))
			if h.Lockd == bed.Libvirts {
				must(t, err)
				continue
			}
			// The refusal says through which name the file is held.
			refused(t, h, err, name, `guest "web01"`, image)
		}
		if h.Lockd == bed.Ours {
			wantLocks(t, h, image, "WRITE")
		}
	})
}

// The end of a guest that was let in by another name drops the first one's lock
// in the kernel, where libvirt's daemon runs.
func TestGuestUnderAnotherNameDoesNotDropTheFirstLock(t *testing.T) {
	bed.BothBooted(t, func(t *testing.T, h *bed.Host) {
		dir := bed.Dir(t)
		image, link := bed.Image(t, dir, "disk.img"), filepath.Join(dir, "hard.img")
		must(t, os.Link(image, link))
		h.MustCreate(bed.WithDisk("web01", image))

		err := h.Create(bed.WithDisk("web02", link))
		if h.Lockd == bed.Ours {
			refused(t, h, err, `guest "web01"`)
			wantLocks(t, h, image, "WRITE")
			return
		}
		must(t, err)
		h.MustVirsh("destroy", "web02")
		bed.Eventually(t, "the first guest's lock is gone", func() bool {
			return len(bed.KernelLocks(t, image)) == 0
		})
		runs(t, h, "web01")
	})
}
