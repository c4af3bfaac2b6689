package guest

import (
	"fmt"
	"testing"

	"virtlock/test/bed"
)

func TestSecondGuestIsRefusedAndToldWhoHolds(t *testing.T) {
	bed.BothBooted(t, func(t *testing.T, h *bed.Host) {
		image := bed.Image(t, bed.Dir(t), "a.img")
		first := h.MustCreate(bed.WithDisk("web01", image))
		wantLocks(t, h, image, "WRITE")

		err := h.Create(bed.WithDisk("web02", image))
		refused(t, h, err, fmt.Sprintf("'%s' is locked by guest \"web01\" (uuid %s, pid %d) since 20",
			image, h.MustVirsh("domuuid", "web01"), first))
		if state := h.State("web02"); state != "absent" {
			t.Errorf("the refused guest is %s", state)
		}
		runs(t, h, "web01")
		wantLocks(t, h, image, "WRITE")
	})
}

func TestRefusedGuestGivesItsOtherDisksBack(t *testing.T) {
	bed.BothBooted(t, func(t *testing.T, h *bed.Host) {
		dir := bed.Dir(t)
		own, taken := bed.Image(t, dir, "own.img"), bed.Image(t, dir, "taken.img")
		h.MustCreate(bed.WithDisk("web01", taken))

		two := bed.Guest{Name: "web02", Disks: []bed.Disk{{Path: own}, {Path: taken}}}
		refused(t, h, h.Create(two), `guest "web01"`)
		must(t, bed.WaitFree(own))
		h.MustCreate(bed.WithDisk("web03", own))
	})
}

func TestShareableDisk(t *testing.T) {
	bed.BothBooted(t, func(t *testing.T, h *bed.Host) {
		image := bed.Image(t, bed.Dir(t), "shared.img")
		shared := []bed.Disk{{Path: image, Shareable: true}}
		h.MustCreate(bed.Guest{Name: "web01", Disks: shared})
		h.MustCreate(bed.Guest{Name: "web02", Disks: shared})
		wantLocks(t, h, image, "READ")
		refused(t, h, h.Create(bed.WithDisk("alone", image)), `guest "web01"`, "and by 1 other")

		h.MustVirsh("destroy", "web01")
		refused(t, h, h.Create(bed.WithDisk("alone", image)), `guest "web02"`)
		h.MustVirsh("destroy", "web02")
		h.MustCreate(bed.WithDisk("alone", image))
		refused(t, h, h.Create(bed.Guest{Name: "web01", Disks: shared}), `guest "alone"`)
	})
}

func TestReadOnlyDiskIsNotLocked(t *testing.T) {
	bed.BothBooted(t, func(t *testing.T, h *bed.Host) {
		image := bed.Image(t, bed.Dir(t), "cd.img")
		readOnly := []bed.Disk{{Path: image, ReadOnly: true}}
		h.MustCreate(bed.Guest{Name: "web01", Disks: readOnly})
		h.MustCreate(bed.Guest{Name: "web02", Disks: readOnly})
		wantLocks(t, h, image)
	})
}
