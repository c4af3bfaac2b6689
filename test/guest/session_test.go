package guest

import (
	"testing"

	"virtlock/test/bed"
)

func TestUserSessionSpawnsTheDaemon(t *testing.T) {
	bed.Both(t, func(t *testing.T, d bed.Daemon) {
		s := bed.NewHost(t, d).NewSession()
		s.StartLibvirtd()
		image := bed.Image(t, bed.Dir(t), "a.img")
		bed.Give(t, image)

		must(t, s.Create(bed.WithDisk("web01", image)))
		pid, program, args := s.Virtlockd()
		if program != d.Path(t) {
			t.Errorf("libvirtd spawned %s, want %s", program, d.Path(t))
		}
		if len(args) != 1 || args[0] != "--timeout=120" {
			t.Errorf("libvirtd passed %q, want --timeout=120 only", args)
		}
		wantLocks(t, s.Host, image, "WRITE")
		refused(t, s.Host, s.Create(bed.WithDisk("web02", image)), `guest "web01"`)

		_, err := s.Virsh("destroy", "web01")
		must(t, err)
		must(t, bed.WaitFree(image))
		must(t, s.Create(bed.WithDisk("web02", image)))
		if again, _, _ := s.Virtlockd(); again != pid {
			t.Errorf("another daemon took over: process %d, then %d", pid, again)
		}
	})
}
