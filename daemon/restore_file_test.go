package daemon

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/daemon/internal/filelock"
	"virtlock/daemon/internal/handover"
)

// Storage may hang under more files than are opened at a time: the daemon has to
// start all the same, with the files of other storage, and a file that opens later is
// not left open.
func TestOpenAllDoesNotWaitForEver(t *testing.T) {
	const files, hanging = 2 * openAtOnce, 0
	system := func(i int) uint64 { return uint64(i / files) }
	path := newDisk(t)
	answers, late := make(chan struct{}), make(chan *filelock.File, files)
	var others sync.WaitGroup
	others.Add(files)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		others.Wait()
		cancel()
	}()
	found := openAll(ctx, 2*files, system, func(i int) opened {
		if system(i) != hanging {
			defer others.Done()
			return opened{}
		}
		<-answers
		f := openDisk(t, path)
		late <- f
		return opened{file: f}
	})
	for i, o := range found {
		if system(i) == hanging && (o.file != nil || o.err != errStorageHangs) {
			t.Errorf("file %d is %+v", i, o)
		}
	}
	close(answers)
	for range openAtOnce {
		f := <-late
		waitFor(t, "what came late is closed", func() bool {
			_, err := unix.FcntlInt(uintptr(f.FD()), unix.F_GETFD, 0)
			return err == unix.EBADF
		})
	}
}

// An exclusive lock that is held as a shared one, because another program got in
// between while libvirt's daemon gave way, stays known as such over a re-exec, and is
// made whole as soon as it can be.
func TestWeakLockIsMadeWholeAfterAReexec(t *testing.T) {
	path := newDisk(t)
	inherited, other := openDisk(t, path), openDisk(t, path)
	lock(t, inherited, filelock.Shared) // as far as FromPOSIX gets
	lock(t, other, filelock.Shared)
	state := &handover.State{Holds: []handover.Hold{{
		ID: 1, Lock: 1, FD: duplicate(t, inherited.FD()), Name: path, Owner: handover.Owner{PID: os.Getpid()},
	}}}

	first := newHeir(t, state, fromLibvirt)
	state = first.export()
	if missing := first.missing.status(); len(missing) != 1 || len(state.Holds) != 1 || state.Holds[0].Missing == "" {
		t.Fatalf("missing are %+v, and handed over is %+v", missing, state.Holds)
	}
	if fit := handover.FitLibvirt(state); len(fit.Objections) == 0 {
		t.Error("it would be handed back to libvirt's daemon as if it were held")
	}
	state.Holds[0].FD = duplicate(t, state.Holds[0].FD) // an exec would keep the number

	second := newHeir(t, state, fromExec)
	if missing := second.missing.status(); len(missing) != 1 {
		t.Fatalf("after the re-exec missing are %+v", missing)
	}
	other.Close()
	second.resume()
	waitFor(t, "the lock is whole", func() bool { return len(second.missing.all()) == 0 })
	if third := openDisk(t, path); third.Lock(filelock.Shared) == nil {
		t.Error("another program can have it shared")
	}
}

// The keeper has a lock that the storage does not confirm: it stays in the table, so
// that nobody else gets it from this daemon, and is not given back.
func TestKeptLockThatIsNotConfirmed(t *testing.T) {
	path := newDisk(t)
	kept, other := openDisk(t, path), openDisk(t, path)
	lock(t, kept, filelock.Shared) // was exclusive
	lock(t, other, filelock.Shared)
	d := newHeir(t, &handover.State{Holds: []handover.Hold{{
		ID: 1, Lock: 1, FD: duplicate(t, kept.FD()), Name: path, Owner: handover.Owner{PID: os.Getpid()},
	}}}, fromKeeper)
	if missing, held := d.missing.status(), d.table.Totals().Locks; len(missing) != 1 || held != 1 {
		t.Fatalf("missing are %+v, and the table has %d locks", missing, held)
	}
	other.Close()
	if third := openDisk(t, path); third.Lock(filelock.Exclusive) == nil {
		t.Fatal("what the keeper had was given back")
	}
	d.resume()
	waitFor(t, "the lock is whole", func() bool { return len(d.missing.all()) == 0 })
}

// A daemon that is to end when it is idle does not, while a living owner misses a lock:
// nobody else would get it back.
func TestMissingLockIsNotIdle(t *testing.T) {
	d := newHeir(t, &handover.State{Holds: []handover.Hold{{
		ID: 1, Lock: 1, FD: -1, Name: newDisk(t), Owner: handover.Owner{PID: os.Getpid()}, Missing: "another has it",
	}}}, fromJournal)
	if d.isIdle() {
		t.Error("it is idle")
	}
}

// newHeir makes a daemon that has taken a state over, and serves nobody.
func newHeir(t *testing.T, s *handover.State, from source) *Daemon {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(t.TempDir(), "s"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	d, err := New(Config{
		Listener: l, Settings: DefaultSettings(), Image: &Image{},
		Inherited: &Inherited{state: s, source: from, settled: func() {}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.close(); d.closeHistory() })
	return d
}

func newDisk(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.img")
	if err := os.WriteFile(path, []byte("disk"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// openDisk opens a disk as a program of its own would.
func openDisk(t *testing.T, path string) *filelock.File {
	t.Helper()
	f, err := filelock.Open(filelock.Place{Name: path}, false)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func lock(t *testing.T, f *filelock.File, m filelock.Mode) {
	t.Helper()
	if err := f.Lock(m); err != nil {
		t.Fatal(err)
	}
}

func duplicate(t *testing.T, fd int) int {
	t.Helper()
	d, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// waitFor waits until something holds that nobody tells of.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it did not happen that %s", what)
		}
	}
}
