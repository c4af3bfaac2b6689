package guest

import (
	"fmt"
	"sync"
	"testing"

	"virtlock/test/bed"
)

// busyRounds is how often the daemon is replaced while libvirtd uses it.
const busyRounds = 50

// libvirtd uses the daemon all the time while it is replaced again and again:
// nothing of what it does may fail. With the race detector each program that ends
// sleeps for a second, and a re-exec runs two that do.
func TestNothingFailsDuringReexec(t *testing.T) {
	t.Parallel()
	f := newFleet(t, bed.Next, true)
	ended := make(chan struct{})
	var users sync.WaitGroup
	for _, use := range []func() error{f.startAndDestroy, f.resumeAndSuspend, f.attachAndDetach} {
		users.Go(func() {
			times := 0
			for ; ; times++ {
				select {
				case <-ended:
					t.Logf("worked %d times", times)
					return
				default:
				}
				if err := use(); err != nil {
					t.Errorf("time %d: %v", times, err)
					return
				}
			}
		})
	}
	for range busyRounds {
		f.Replace(f.lockd, bed.Next)
	}
	close(ended)
	users.Wait()
	f.check(fmt.Sprintf("%d re-execs", busyRounds))
	f.end()
}

func (f *fleet) startAndDestroy() error {
	if err := f.Create(bed.WithDisk("new", f.image("new"))); err != nil {
		return err
	}
	_, err := f.Virsh("destroy", "new")
	return err
}

func (f *fleet) resumeAndSuspend() error {
	if _, err := f.Virsh("resume", "idle"); err != nil {
		return err
	}
	_, err := f.Virsh("suspend", "idle")
	return err
}

func (f *fleet) attachAndDetach() error {
	if err := f.Attach("db", "sdc", bed.Disk{Path: f.image("data")}); err != nil {
		return err
	}
	_, err := f.Virsh("detach-disk", "db", "sdc")
	return err
}
