package filelock

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// What was adopted is locked as it was, and its own duplicates keep nobody out.
func TestAdopt(t *testing.T) {
	path := scratch(t)
	former := openPath(t, path)
	must(t, former.Lock(Exclusive))
	fd, err := unix.Dup(former.FD())
	must(t, err)
	f := Adopt(fd, former.ID(), former.Inode(), Exclusive)
	if f.ID() != former.ID() || f.Inode() != former.Inode() || f.FD() != fd || f.Made() {
		t.Errorf("adopted %+v of %+v", f, former)
	}
	if m, held := f.Mode(); m != Exclusive || !held {
		t.Errorf("mode %v, held %v", m, held)
	}
	must(t, f.Reassert(Exclusive))
	if openPath(t, path).Lock(Shared) == nil {
		t.Fatal("the adopted lock is not held")
	}
	must(t, f.Lock(Shared))
	beside := openPath(t, path)
	must(t, beside.Lock(Shared))
	beside.close(t)
	must(t, f.Close())
	must(t, openPath(t, path).Lock(Exclusive))
}

// An adoption must not wait for storage: not even the descriptor is looked at.
func TestAdoptMakesNoCall(t *testing.T) {
	id := ID{Device: 1, Inode: 2}
	f := Adopt(-1, id, 2, Shared)
	if m, held := f.Mode(); f.ID() != id || f.Inode() != 2 || m != Shared || !held {
		t.Errorf("adopted %+v", f)
	}
	wantErr(t, f.Reassert(Shared), unix.EBADF)
}

func TestMode(t *testing.T) {
	f := openPath(t, scratch(t))
	if _, held := f.Mode(); held {
		t.Error("held before it was locked")
	}
	must(t, f.Lock(Shared))
	if m, held := f.Mode(); m != Shared || !held {
		t.Errorf("mode %v, held %v", m, held)
	}
}

// A lock that was lost is taken again, unless somebody else has it by now.
func TestReassert(t *testing.T) {
	for _, m := range []Mode{Exclusive, Shared} {
		path := scratch(t)
		f := openPath(t, path)
		must(t, f.Lock(m))
		lose(t, f)
		must(t, f.Reassert(m))
		if openPath(t, path).Lock(Exclusive) == nil {
			t.Errorf("mode %v was not taken again", m)
		}
		lose(t, f)
		p := start(t, "write posix", path)
		wantLockedBy(t, f.Reassert(m), p.pid())
		p.end()
		must(t, f.Reassert(m)) // as if it never had been
		if openPath(t, path).Lock(Exclusive) == nil {
			t.Errorf("mode %v was not taken again after the other program's end", m)
		}
	}
}

func wantLockedBy(t *testing.T, err error, pid int) {
	t.Helper()
	var locked *LockedError
	if !errors.As(err, &locked) || locked.PID != pid {
		t.Errorf("a lock that process %d has: %v", pid, err)
	}
}

// To ask for a lock that a descriptor has changes nothing.
func TestConfirm(t *testing.T) {
	for _, m := range []Mode{Exclusive, Shared} {
		path := scratch(t)
		f := openPath(t, path)
		must(t, f.Lock(m))
		must(t, Confirm(f.FD(), m))
		if openPath(t, path).Lock(Exclusive) == nil {
			t.Errorf("mode %v ended with the question", m)
		}
		lose(t, f)
		must(t, Confirm(f.FD(), m))
		if openPath(t, path).Lock(Exclusive) == nil {
			t.Errorf("mode %v was not taken again", m)
		}
		lose(t, f)
		p := start(t, "write posix", path)
		wantLockedBy(t, Confirm(f.FD(), m), p.pid())
	}
	wantErr(t, Confirm(-1, Shared), unix.EBADF)
}

// What another program has left of a lock is known, and can become the whole again.
func TestAdoptListed(t *testing.T) {
	path := scratch(t)
	former := openPath(t, path)
	for _, want := range []struct {
		lock func() error
		mode Mode
		held bool
	}{
		{func() error { return nil }, Exclusive, false},
		{func() error { return former.Lock(Shared) }, Shared, true},
		{func() error { return former.Lock(Exclusive) }, Exclusive, true},
	} {
		must(t, want.lock())
		f := AdoptListed(former.FD(), former.ID(), former.Inode())
		if m, held := f.Mode(); m != want.mode || held != want.held {
			t.Errorf("mode %v, held %v, want %+v", m, held, want)
		}
	}
	if _, held := AdoptListed(-1, former.ID(), 0).Mode(); held {
		t.Error("without a descriptor a lock is held")
	}
}

// lose unlocks a file behind its back.
func lose(t *testing.T, f *File) {
	t.Helper()
	lk := lockOn(unix.F_UNLCK)
	must(t, unix.FcntlFlock(uintptr(f.fd), unix.F_OFD_SETLK, &lk))
}
