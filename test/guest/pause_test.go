package guest

import (
	"testing"

	"virtlock/test/bed"
)

func TestSuspendFreesAndResumeTakesTheDiskAgain(t *testing.T) {
	bed.BothBooted(t, func(t *testing.T, h *bed.Host) {
		image := bed.Image(t, bed.Dir(t), "a.img")
		h.MustCreate(bed.WithDisk("web01", image))
		h.MustVirsh("suspend", "web01")
		wantLocks(t, h, image)

		h.MustVirsh("resume", "web01")
		runs(t, h, "web01")
		wantLocks(t, h, image, "WRITE")
		refused(t, h, h.Create(bed.WithDisk("web02", image)), `guest "web01"`)
	})
}

func TestResumeFailsWhileAnotherGuestHasTheDisk(t *testing.T) {
	bed.BothBooted(t, func(t *testing.T, h *bed.Host) {
		image := bed.Image(t, bed.Dir(t), "a.img")
		h.MustCreate(bed.WithDisk("web01", image))
		h.MustVirsh("suspend", "web01")
		h.MustCreate(bed.WithDisk("web02", image))

		_, err := h.Virsh("resume", "web01")
		refused(t, h, err, `guest "web02"`)
		if state := h.State("web01"); state != "paused" {
			t.Errorf("guest web01 is %s, want paused", state)
		}
		runs(t, h, "web02")

		h.MustVirsh("destroy", "web02")
		must(t, bed.WaitFree(image))
		h.MustVirsh("resume", "web01")
		wantLocks(t, h, image, "WRITE")
	})
}
