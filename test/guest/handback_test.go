package guest

import (
	"strings"
	"testing"

	"virtlock/client/api"
	"virtlock/test/bed"
)

// Libvirt's daemon cannot keep what programs hold that speak JSON. Nobody loses a
// lock to it: the hand-back is refused until they have given theirs back.
func TestHandBackIsRefusedWhileItWouldLoseALock(t *testing.T) {
	t.Parallel()
	f := newFleet(t, bed.Ours, false)
	backup := f.Owner("backup", f.GuestPID("idle"))
	tied := f.Connect()
	tied.Must(api.OwnerRegister, api.RegisterParams{Owner: api.Owner{Name: "editor"}}, nil)
	backup.MustAcquire(bed.Direct(f.image("data")))
	tied.MustAcquire(bed.Direct(f.image("idle")))

	f.Install(bed.Libvirts)
	err := tied.Call(api.DaemonReexec, api.Empty{}, nil)
	if err == nil {
		t.Fatal("handed locks to libvirt's daemon that it cannot keep")
	}
	for _, say := range []string{f.image("data"), "backup", f.image("idle"), "editor", "tied"} {
		if !strings.Contains(err.Message, say) {
			t.Errorf("the refusal does not say %q: %s", say, err.Message)
		}
	}
	if f.RunsInstalled(f.lockd) {
		t.Fatal("libvirt's daemon runs")
	}
	f.wantLocked("WRITE", "data", "idle", "db-1", "db-2", "spare", "victim")

	backup.MustRelease(bed.Direct(f.image("data")))
	tied.MustRelease(bed.Direct(f.image("idle")))
	backup.Close()
	tied.Close()
	f.Lockd = bed.Ours // it is still
	f.check("a hand-back that was refused")

	// Who waits is no reason to refuse: the connection closes, which is an answer.
	waiter := f.wait("db-1")
	f.Lockd = bed.Libvirts
	f.Connect().Must(api.DaemonReexec, api.Empty{}, new(api.ReexecResult))
	<-waiter
	f.WaitReplaced(f.lockd)
	f.check("the hand-back")
	f.end()
}

// wait makes a program wait for the lock of a disk. The channel is closed when its
// connection is.
func (f *fleet) wait(image string) <-chan struct{} {
	f.t.Helper()
	c := f.Connect()
	c.Must(api.OwnerRegister, api.RegisterParams{Owner: api.Owner{Name: "patient"}}, nil)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.Call(api.LockAcquire, api.AcquireParams{Resources: []api.Resource{bed.Direct(f.image(image))}, WaitMS: -1}, nil)
	}()
	other := f.Connect()
	defer other.Close()
	bed.Eventually(f.t, "the program waits", func() bool {
		var status api.Status
		other.Must(api.DaemonStatus, api.Empty{}, &status)
		return status.Waiters == 1
	})
	return ended
}
