package reexec

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
	"virtlock/test/bed"
)

// everything is what the daemon tells of itself, but for what has to change.
type everything struct {
	Status  api.Status
	Locks   []api.Lock
	Clients []api.Client
	Spaces  api.LockspacesResult
}

func (r *rig) everything() (e everything) {
	r.t.Helper()
	e.Status, e.Locks, e.Clients = r.status(), r.control.Locks(), r.clients()
	e.Status.OpenFiles = 0
	r.control.Must(api.LockspaceList, api.Empty{}, &e.Spaces)
	return e
}

// TestNothingIsLost has all sorts of locks and clients, and compares all that the
// daemon tells before and after.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	r := start(t)
	space := filepath.Join(bed.Dir(t), "space")
	one, two := r.guest(), r.guest()
	libvirt, other := r.guestRPC("one", one.PID()), r.guestRPC("two", two.PID())
	disks := make([]string, 5)
	for i := range disks {
		disks[i] = r.image()
	}
	check(t, libvirt.call(procSpace, append(text(nil, space), 0, 0, 0, 0)))
	check(t, libvirt.acquire(disks[0], 0))
	check(t, libvirt.acquire(disks[1], 1)) // shared, twice by one owner
	check(t, libvirt.acquire(disks[1], 1))
	check(t, other.acquire(disks[1], 1))
	check(t, libvirt.call(procAcquire, resourceArgs(space, "lease", 2)))
	check(t, other.call(procRestrict, word(nil, 0)))
	tied, lasting := r.lines(), r.Owner("lasting", two.PID())
	tied.must(1, api.OwnerRegister, api.RegisterParams{Owner: api.Owner{Name: "tied"}})
	tied.must(2, api.LockAcquire, acquireParams(disks[2], 0))
	lasting.MustAcquire(bed.Direct(disks[3]))
	if libvirt.acquire(disks[3], 0) == nil { // for the count of refusals
		t.Fatal("a lock was granted twice")
	}
	closed := r.Connect() // so that the numbers of clients have a gap
	closed.Must(api.LockspaceList, api.Empty{}, nil)
	closed.Close()
	bed.Eventually(t, "it is gone", func() bool { return len(r.clients()) == 5 })

	before := r.everything()
	for range 3 {
		r.reexec()
		if after := r.everything(); !reflect.DeepEqual(before, after) {
			t.Fatalf("before\n%+v\nafter\n%+v", before, after)
		}
		for _, path := range append(disks[:4:4], filepath.Join(space, "lease")) {
			if !isLocked(path) {
				t.Errorf("the kernel has no lock on %s", path)
			}
		}
	}
	if err := other.acquire(disks[4], 0); err == nil {
		t.Error("a restricted connection is restricted no more")
	}
	// All go on as what they were.
	check(t, libvirt.release(disks[1]))
	check(t, libvirt.acquire(disks[4], 0))
	check(t, libvirt.call(procRelease, resourceArgs(space, "lease", 0)))
	if _, err := os.Lstat(filepath.Join(space, "lease")); !os.IsNotExist(err) {
		t.Errorf("the file that was made for a lock is left: %v", err)
	}
	last := before.Clients[len(before.Clients)-1].ID + 1 // that of the one that closed
	fresh := r.lines()
	fresh.must(1, api.LockspaceList, api.Empty{})
	if clients := r.clients(); clients[len(clients)-1].ID != last+1 {
		t.Errorf("a new client has the number %d, after %d", clients[len(clients)-1].ID, last)
	}
	tied.Close()
	lasting.Close()
	check(t, bed.WaitFree(disks[2]))
	if !isLocked(disks[3]) {
		t.Error("a lock that is tied to a process went with a connection")
	}
	one.Stop(unix.SIGKILL)
	check(t, bed.WaitFree(disks[0]))
	two.Stop(unix.SIGKILL)
	check(t, bed.WaitFree(disks[3]))
	check(t, bed.WaitFree(disks[1]))
}

// TestAnOwnerThatDiesMeanwhile loses its locks, whichever program sees it.
func TestAnOwnerThatDiesMeanwhile(t *testing.T) {
	t.Parallel()
	r := start(t)
	for range 5 {
		disks, guests := []string{}, []*bed.Process{}
		for i := range 6 {
			g := r.guest()
			c := r.guestRPC("vm", g.PID())
			disks = append(disks, r.image())
			check(t, c.acquire(disks[i], 0))
			guests = append(guests, g)
		}
		r.daemon.Signal(unix.SIGUSR1)
		for _, g := range guests {
			g.Stop(unix.SIGKILL)
			r.control.Must(api.LockspaceList, api.Empty{}, nil) // spreads them over the time it takes
		}
		r.reexec()
		for _, path := range disks {
			check(t, bed.WaitFree(path))
		}
	}
	bed.Eventually(t, "the table is empty", func() bool { return len(r.control.Locks()) == 0 })
	if s := r.status(); s.Granted != 30 || s.Released != 30 {
		t.Errorf("%+v", s)
	}
}
