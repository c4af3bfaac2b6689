package storage

import (
	"fmt"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
	"virtlock/client/api"
	"virtlock/test/bed"
)

// A daemon that has to take locks again because its keeper died too starts though
// their storage hangs, under however many files. When it answers the locks are had.
func TestStartDoesNotWaitForHungStorage(t *testing.T) {
	t.Parallel()
	const files = 150 // more than it opens at a time
	h := bed.NewHost(t, bed.Ours)
	lockd := h.StartVirtlockd()
	var images []string
	for i := range files {
		images = append(images, fmt.Sprintf("%d.img", i))
	}
	storage, dir := mountHung(t, h, images...)
	guest := h.Owner("web01", unix.Getpid())
	for _, image := range images {
		guest.MustAcquire(bed.Direct(filepath.Join(dir, image)))
	}
	lockd.Signal(unix.SIGSTOP) // so that it starts no other keeper
	unix.Kill(h.Keeper(), unix.SIGKILL)
	lockd.Stop(unix.SIGKILL)

	go func() { // nobody waits for any of those that hang
		for range storage.stuck {
		}
	}()
	for _, image := range images {
		storage.hang("lookup", image)
		storage.hang("open", image)
	}
	h.StartVirtlockd()
	admin := h.Connect()
	admin.Must(api.OwnerRegister, api.RegisterParams{}, nil)
	if missing, _ := kept(admin); missing != files {
		t.Errorf("%d locks are missing of %d whose storage hangs", missing, files)
	}
	works(t, h, admin)
	storage.answerAll()
	bed.Eventually(t, "all locks are had again", func() bool {
		missing, held := kept(admin)
		return missing == 0 && held == files
	})
}

// kept is how many locks a daemon misses, and how many it has.
func kept(c *bed.Conn) (missing, held int) {
	var status api.Status
	c.Must(api.DaemonStatus, api.Empty{}, &status)
	return len(status.Missing), status.Locks
}
