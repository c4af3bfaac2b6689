package guest

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"virtlock/test/bed"
)

func TestDestroyFreesTheDisk(t *testing.T) {
	bed.BothBooted(t, func(t *testing.T, h *bed.Host) {
		image := bed.Image(t, bed.Dir(t), "a.img")
		h.MustCreate(bed.WithDisk("web01", image))
		h.MustVirsh("destroy", "web01")
		must(t, bed.WaitFree(image))
		h.MustCreate(bed.WithDisk("web02", image))
	})
}

func TestKilledGuestFreesTheDisk(t *testing.T) {
	bed.BothBooted(t, func(t *testing.T, h *bed.Host) {
		image := bed.Image(t, bed.Dir(t), "a.img")
		must(t, unix.Kill(h.MustCreate(bed.WithDisk("web01", image)), unix.SIGKILL))
		killed := time.Now()
		must(t, bed.WaitFree(image))
		t.Logf("free after %v", time.Since(killed))
		h.MustCreate(bed.WithDisk("web02", image))
	})
}
