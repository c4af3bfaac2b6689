package lockspace

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/daemon/internal/filelock"
)

// rig is a table over a directory of its own, which is a lockspace.
type rig struct {
	t     tb
	table *Table
	dir   string

	mu      sync.Mutex // guards changes
	changes []Change   // seen by observe, unless the rig is for a benchmark
}

// tb is what a rig needs of a test, which may be one of rapid's.
type tb interface {
	Helper()
	Cleanup(f func())
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// newRig makes a rig.
func newRig(t testing.TB) *rig {
	t.Helper()
	return newRigIn(t, t.TempDir())
}

func newRigIn(t tb, dir string) *rig {
	t.Helper()
	r := &rig{t: t, dir: dir}
	_, benchmark := t.(*testing.B)
	r.table = New(func(c Change) {
		if !benchmark {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.changes = append(r.changes, c)
		}
	}, nil)
	must(t, r.table.CreateSpace(r.dir, 0))
	return r
}

func must(t tb, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantAs fails unless err is of type E, which it returns.
func wantAs[E error](t tb, err error) E {
	t.Helper()
	e, ok := errors.AsType[E](err)
	if !ok {
		t.Fatalf("error is %T (%v), not %T", err, err, e)
	}
	return e
}

func wantErr(t tb, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, not %v", err, want)
	}
}

func (r *rig) owner(name string) Holder {
	return Holder{Owner: new(Owner), Identity: &Identity{Name: name}, Client: 1}
}

// name is a resource of the rig's lockspace.
func (r *rig) name(s string) Name { return Name{r.dir, s} }

// file makes an empty file and gives its path.
func (r *rig) file(name string) string {
	r.t.Helper()
	p := filepath.Join(r.dir, name)
	must(r.t, os.WriteFile(p, nil, 0o600))
	return p
}

// alias makes a hard link to a file of the rig.
func (r *rig) alias(of, name string) string {
	r.t.Helper()
	p := filepath.Join(r.dir, name)
	must(r.t, os.Link(filepath.Join(r.dir, of), p))
	return p
}

func (r *rig) exists(name string) bool {
	_, err := os.Lstat(filepath.Join(r.dir, name))
	return err == nil
}

// auto asks for an autocreated resource of the rig's lockspace.
func (r *rig) auto(name string, m Mode) Request {
	return Request{Name: r.name(name), Mode: m, Autocreate: true}
}

// direct asks for a file by its path.
func direct(path string, m Mode) Request { return Request{Name: Name{"", path}, Mode: m} }

func (r *rig) try(h Holder, reqs ...Request) error {
	_, err := r.table.Acquire(context.Background(), h, reqs, Options{})
	return err
}

func (r *rig) take(h Holder, reqs ...Request) []Lock {
	r.t.Helper()
	locks, err := r.table.Acquire(context.Background(), h, reqs, Options{})
	must(r.t, err)
	return locks
}

func (r *rig) refuse(h Holder, reqs ...Request) *BusyError {
	r.t.Helper()
	return wantAs[*BusyError](r.t, r.try(h, reqs...))
}

func (r *rig) free(h Holder, names ...Name) []Lock {
	r.t.Helper()
	left, err := r.table.Release(context.Background(), h, names)
	must(r.t, err)
	return left
}

// waiting is an acquire that waits.
type waiting struct {
	r      *rig
	cancel context.CancelCauseFunc
	done   chan struct{}
	locks  []Lock
	err    error
}

// wait starts an acquire that waits, and returns when it stands in the queue.
func (r *rig) wait(h Holder, reqs ...Request) *waiting {
	r.t.Helper()
	return r.waitUntil(context.Background(), h, reqs...)
}

func (r *rig) waitUntil(ctx context.Context, h Holder, reqs ...Request) *waiting {
	r.t.Helper()
	w := &waiting{r: r, done: make(chan struct{})}
	ctx, w.cancel = context.WithCancelCause(ctx)
	queued := make(chan struct{})
	go func() {
		defer close(w.done)
		w.locks, w.err = r.table.Acquire(ctx, h, reqs, Options{Wait: true, Queued: func(uint64) { close(queued) }})
	}()
	select {
	case <-queued:
	case <-w.done:
	case <-time.After(limit):
		r.t.Fatal("no place in the queue")
	}
	return w
}

// limit is what a test takes for for ever.
const limit = 10 * time.Second

// end waits for the end of the acquire.
func (w *waiting) end() error {
	w.r.t.Helper()
	select {
	case <-w.done:
	case <-time.After(limit):
		buf := make([]byte, 1<<16)
		w.r.t.Fatalf("still waits\n%s", buf[:runtime.Stack(buf, true)])
	}
	return w.err
}

func (w *waiting) granted() {
	w.r.t.Helper()
	must(w.r.t, w.end())
}

// waits fails if the acquire has ended. It lets the table come to rest first.
func (w *waiting) waits() {
	w.r.t.Helper()
	w.r.settle()
	select {
	case <-w.done:
		w.r.t.Fatalf("does not wait: %v", w.err)
	default:
	}
}

// settle waits until nothing happens any more in the table. A ticket that takes
// a call has ended the try before it, so the second call tells.
func (r *rig) settle() {
	r.t.Helper()
	for range 2 {
		r.table.mu.Lock()
		for _, k := range tickets(&r.table.queue) {
			k.wake()
		}
		r.table.mu.Unlock()
		r.eventually("the table comes to rest", func() bool {
			r.table.mu.Lock()
			defer r.table.mu.Unlock()
			for _, k := range tickets(&r.table.queue) {
				if len(k.ready) > 0 {
					return false
				}
			}
			for _, f := range r.table.files {
				if f.busy {
					return false
				}
			}
			return true
		})
	}
}

func tickets(q *queue) (all []*ticket) {
	for _, line := range q.byName {
		for _, c := range line {
			all = append(all, c.ticket)
		}
	}
	return all
}

// eventually waits for what another goroutine does.
func (r *rig) eventually(what string, f func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(limit); !f(); time.Sleep(time.Millisecond / 4) {
		if time.Now().After(deadline) {
			r.t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// clean fails if anything is held, waited for or remembered.
func (r *rig) clean() {
	r.t.Helper()
	r.settle()
	t := r.table
	t.mu.Lock()
	defer t.mu.Unlock()
	for path, s := range t.spaces {
		if len(s.resources) > 0 {
			r.t.Errorf("lockspace %q still has %d resources", path, len(s.resources))
		}
	}
	if len(t.files) > 0 || t.holders != 0 || t.queue.waiting != 0 || len(t.queue.byName) > 0 || len(t.queue.byFile) > 0 {
		r.t.Errorf("left: %d files, %d holders, %d waiting in %d and %d lines",
			len(t.files), t.holders, t.queue.waiting, len(t.queue.byName), len(t.queue.byFile))
	}
}

// descriptors counts the open files of this process in a directory, those
// that have been removed too.
func (r *rig) descriptors() (n int) {
	r.t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	must(r.t, err)
	for _, fd := range all {
		target, _ := os.Readlink("/proc/self/fd/" + fd.Name())
		if len(target) > len(r.dir) && target[:len(r.dir)] == r.dir {
			n++
		}
	}
	return n
}

// kernelLock asks the kernel, through a descriptor that has nothing to do with
// the table, how a file is locked.
func kernelLock(t tb, path string) (kind int16) {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(fd)
	lk := unix.Flock_t{Type: unix.F_WRLCK, Len: 1}
	must(t, unix.FcntlFlock(uintptr(fd), unix.F_OFD_GETLK, &lk))
	return lk.Type
}

// wantKernel fails unless the kernel's lock on a file is of that kind.
func (r *rig) wantKernel(name string, want int16) {
	r.t.Helper()
	if got := kernelLock(r.t, filepath.Join(r.dir, name)); got != want {
		r.t.Errorf("the kernel's lock on %s is %d, not %d", name, got, want)
	}
}

// foreign locks a file as another program would. Call what it returns to unlock.
func (r *rig) foreign(name string, m Mode) (unlock func()) {
	r.t.Helper()
	f, err := filelock.Open(filelock.Place{Dir: r.dir, Name: name}, true)
	must(r.t, err)
	must(r.t, f.Lock(m))
	unlock = sync.OnceFunc(func() { f.Close() })
	r.t.Cleanup(unlock)
	return unlock
}

// lease makes open(2) of a file block until it is given back.
func (r *rig) lease(name string) (giveBack func()) {
	r.t.Helper()
	f, err := os.OpenFile(filepath.Join(r.dir, name), os.O_RDWR, 0)
	must(r.t, err)
	_, err = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK)
	must(r.t, err)
	giveBack = sync.OnceFunc(func() { f.Close() })
	r.t.Cleanup(giveBack)
	return giveBack
}

// hang takes a file's turn, as a call to storage that does not return would.
func (r *rig) hang(path string) (goOn func()) {
	r.t.Helper()
	id, err := filelock.Identify(path)
	must(r.t, err)
	turns, err := r.table.takeTurns(context.Background(), []filelock.ID{id}, nil)
	must(r.t, err)
	return func() {
		r.table.mu.Lock()
		defer r.table.mu.Unlock()
		r.table.endTurnLocked(turns[0], nil)
	}
}
