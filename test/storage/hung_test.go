package storage

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"virtlock/client/api"
	"virtlock/test/bed"
)

// hangBound is what a call may take that has nothing to do with the storage that
// hangs. It is far above what it takes, and far below any wait for storage.
const hangBound = 10 * time.Millisecond

// An operation of the storage that a call for a resource comes through.
type hungCase struct {
	operation string
	release   bool // the release hangs, not the acquire
	lockspace bool // the resource is made and unlinked
}

var hungCases = []hungCase{
	{operation: "lookup"},
	{operation: "open"},
	{operation: "close", release: true},
	{operation: "create", lockspace: true},
	{operation: "unlink", lockspace: true, release: true},
}

// The cases run one after another, and before the parallel tests: they measure.
func TestHungStorageDelaysOnlyCallersOfThatResource(t *testing.T) {
	for _, c := range hungCases {
		t.Run(c.operation, func(t *testing.T) {
			h := bed.NewHost(t, bed.Ours)
			h.StartVirtlockd()
			storage, dir := mountHung(t, h, c.files()...)
			web01, web02 := h.Owner("web01", unix.Getpid()), h.Owner("web02", unix.Getpid())
			stuck := c.resource(web01, dir)
			if c.release {
				web01.MustAcquire(stuck)
			}

			answer := storage.hang(c.operation, "a.img")
			done := make(chan *api.Error, 1)
			go func() {
				if c.release {
					done <- web01.Release(stuck)
				} else {
					done <- web01.Acquire(stuck)
				}
			}()
			storage.waitStuck(t)
			quick(t, web02)
			works(t, h, web02)
			web02.Locks()     // listing what is held asks no storage
			if !c.lockspace { // the kernel locks the folder while it makes or unlinks
				beside := bed.Direct(filepath.Join(dir, "b.img"))
				web02.MustAcquire(beside) // the same storage answers for another file
				web02.MustRelease(beside)
			}

			answer()
			if err := <-done; err != nil {
				t.Fatalf("the call that hung: %s %+v", err.Message, err.Data)
			}
			wantHeld(t, web02, stuck, !c.release)
		})
	}
}

// files are what is on the storage before. What is made is not.
func (c hungCase) files() []string {
	if c.lockspace {
		return nil
	}
	return []string{"a.img", "b.img"}
}

// resource is a.img as the case wants it.
func (c hungCase) resource(conn *bed.Conn, dir string) api.Resource {
	if !c.lockspace {
		return bed.Direct(filepath.Join(dir, "a.img"))
	}
	conn.Must(api.LockspaceCreate, api.LockspaceParams{Path: dir}, nil)
	return api.Resource{Lockspace: dir, Name: "a.img", Autocreate: true}
}

// quick takes and gives back a lock 200 times, and fails the test when that
// takes longer than it may. Two calls in a hundred are given to the schedulers:
// Go's takes up to 10 ms to see that a system call hangs on its processor.
func quick(t *testing.T, c *bed.Conn) {
	t.Helper()
	disk := bed.Direct(bed.Image(t, bed.Dir(t), "quick.img"))
	var took []time.Duration
	for range 200 {
		start := time.Now()
		c.MustAcquire(disk)
		acquired := time.Now()
		c.MustRelease(disk)
		took = append(took, acquired.Sub(start), time.Since(acquired))
	}
	slices.Sort(took)
	median, most, longest := took[200], took[391], took[399]
	t.Logf("calls for another file: median %v, 98%% %v, longest %v", median, most, longest)
	if most > hangBound {
		t.Errorf("calls for another file take %v, want at most %v", most, hangBound)
	}
}

// wantHeld fails the test unless the daemon has the lock, or has not.
func wantHeld(t *testing.T, c *bed.Conn, r api.Resource, want bool) {
	t.Helper()
	held := slices.ContainsFunc(c.Locks(), func(l api.Lock) bool {
		return l.Lockspace == r.Lockspace && l.Name == r.Name
	})
	if held != want {
		t.Errorf("lock of %s held: %v, want %v", r.Name, held, want)
	}
}

func TestOwnerOnHungStorageLosesItsOtherLocksAtOnce(t *testing.T) {
	h := bed.NewHost(t, bed.Ours)
	h.StartVirtlockd()
	storage, dir := mountHung(t, h, "a.img")
	guest := h.Start(sleeper())
	taker := h.Owner("web01", guest.PID())
	hung := bed.Direct(filepath.Join(dir, "a.img"))
	taker.MustAcquire(hung)
	var good []string
	for i := range 8 {
		good = append(good, bed.Image(t, bed.Dir(t), fmt.Sprintf("%d.img", i)))
		taker.MustAcquire(bed.Direct(good[i]))
	}

	answer := storage.hang("close", "a.img")
	guest.Stop(unix.SIGKILL)
	died := time.Now()
	for _, image := range good {
		free(t, image)
	}
	if took := time.Since(died); took > ownerBound {
		t.Errorf("the good locks went after %v, want at most %v", took, ownerBound)
	}
	other := h.Owner("web02", unix.Getpid())
	works(t, h, other)

	storage.waitStuck(t)
	answer()
	bed.Eventually(t, "the lock on the hung storage is gone", func() bool {
		return len(other.Locks()) == 0
	})
}

func TestOwnerThatDiesWhileItsAcquireHangsGetsNothing(t *testing.T) {
	h := bed.NewHost(t, bed.Ours)
	h.StartVirtlockd()
	storage, dir := mountHung(t, h, "a.img")
	guest := h.Start(sleeper())
	taker, other := h.Owner("web01", guest.PID()), h.Owner("web02", unix.Getpid())
	image := bed.Direct(filepath.Join(dir, "a.img"))

	answer := storage.hang("open", "a.img")
	done := make(chan *api.Error, 1)
	go func() { done <- taker.Acquire(image) }()
	storage.waitStuck(t)
	guest.Stop(unix.SIGKILL)
	answer()
	if err := <-done; err != nil && err.Data == nil {
		t.Errorf("the call of the dead owner: %s", err.Message)
	}
	bed.Eventually(t, "another owner gets the disk", func() bool {
		return other.Acquire(image) == nil
	})
}
