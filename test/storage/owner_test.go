package storage

import (
	"os/exec"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"virtlock/client/api"
	"virtlock/test/bed"
)

// ownerBound is how long a dead owner's locks may stay.
const ownerBound = 200 * time.Millisecond

// sleeper is a process that does nothing but live, in the place of a guest's.
func sleeper() *exec.Cmd { return exec.Command("sleep", "infinity") }

// free waits until nobody holds a lock on the image.
func free(t *testing.T, image string) {
	t.Helper()
	if err := bed.WaitFree(image); err != nil {
		t.Fatal(err)
	}
}

// libvirtd takes the locks of its guests on short connections of its own.
func TestOwnerExitFreesLocksThatAnotherConnectionTook(t *testing.T) {
	h := bed.NewHost(t, bed.Ours)
	h.StartVirtlockd()
	for name, open := range map[string]bool{"connection open": true, "connection closed": false} {
		t.Run(name, func(t *testing.T) {
			var took []time.Duration
			for range 5 {
				guest := h.Start(sleeper())
				image := bed.Image(t, bed.Dir(t), "a.img")
				taker := h.Owner("web01", guest.PID())
				taker.MustAcquire(bed.Direct(image))
				if !open {
					taker.Close()
				}
				if locks := bed.KernelLocks(t, image); len(locks) != 1 {
					t.Fatalf("kernel has %q on the image before the owner exits", locks)
				}
				if err := unix.Kill(guest.PID(), unix.SIGKILL); err != nil {
					t.Fatal(err)
				}
				killed := time.Now()
				free(t, image)
				took = append(took, time.Since(killed))
			}
			if slowest := slices.Max(took); slowest > ownerBound {
				t.Errorf("the lock went after %v, want at most %v", slowest, ownerBound)
			}
		})
	}
}

func TestClosedConnectionFreesNothingAndKillsNobody(t *testing.T) {
	t.Parallel()
	h := bed.NewHost(t, bed.Ours)
	h.StartVirtlockd()
	guest := h.Start(sleeper())
	image := bed.Image(t, bed.Dir(t), "a.img")
	taker := h.Owner("web01", guest.PID())
	taker.MustAcquire(bed.Direct(image))
	taker.Close()

	watcher := h.Connect()
	bed.Eventually(t, "the daemon saw the connection close", func() bool { return clients(watcher) == 1 })
	if locks := watcher.Locks(); len(locks) != 1 || locks[0].Holders[0].Owner.PID != guest.PID() {
		t.Errorf("the daemon has %+v, want the lock of process %d", locks, guest.PID())
	}
	if !guest.Running() {
		t.Error("the owner was killed")
	}
}

// clients is how many connections the daemon has.
func clients(c *bed.Conn) int {
	var status api.Status
	c.Must(api.DaemonStatus, api.Empty{}, &status)
	return status.Clients
}
