package guest

import (
	"testing"

	"virtlock/test/bed"
)

func TestAttachAndDetach(t *testing.T) {
	bed.BothBooted(t, func(t *testing.T, h *bed.Host) {
		dir := bed.Dir(t)
		image := bed.Image(t, dir, "data.img")
		h.MustCreate(bed.WithDisk("web01", bed.Image(t, dir, "1.img")))
		h.MustCreate(bed.WithDisk("web02", bed.Image(t, dir, "2.img")))

		must(t, h.Attach("web01", "sdb", bed.Disk{Path: image}))
		wantLocks(t, h, image, "WRITE")
		refused(t, h, h.Attach("web02", "sdb", bed.Disk{Path: image}), `guest "web01"`)
		runs(t, h, "web02")

		h.MustVirsh("detach-disk", "web01", "sdb")
		wantLocks(t, h, image)
		must(t, h.Attach("web02", "sdb", bed.Disk{Path: image}))
		wantLocks(t, h, image, "WRITE")
	})
}
