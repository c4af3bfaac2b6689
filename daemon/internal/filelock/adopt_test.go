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
	must(t, f.Reassert())
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
	wantErr(t, f.Reassert(), unix.EBADF)
}

func TestMode(t *testing.T) {
	f := openPath(t, scratch(t))
	if _, held := f.Mode(); held {
		t.Error("held before it was locked")
	}
	must(t, f.Reassert())
	if _, held := f.Mode(); held {
		t.Error("held after nothing was taken again")
	}
	must(t, f.Lock(Shared))
	if m, held := f.Mode(); m != Shared || !held {
		t.Errorf("mode %v, held %v", m, held)
	}
}

func TestReassert(t *testing.T) {
	for _, m := range []Mode{Exclusive, Shared} {
		path := scratch(t)
		f := openPath(t, path)
		must(t, f.Lock(m))
		lose(t, f)
		must(t, f.Reassert())
		if openPath(t, path).Lock(Exclusive) == nil {
			t.Errorf("mode %v was not taken again", m)
		}
		lose(t, f)
		p := start(t, "write posix", path)
		var locked *LockedError
		if err := f.Reassert(); !errors.As(err, &locked) || locked.PID != p.pid() {
			t.Errorf("a lock that process %d has: %v", p.pid(), err)
		}
		if _, held := f.Mode(); held {
			t.Error("a lock that was lost is held")
		}
		p.end()
		must(t, f.Lock(m)) // as if it never had been
	}
}

// lose unlocks a file behind its back.
func lose(t *testing.T, f *File) {
	t.Helper()
	lk := lockOn(unix.F_UNLCK)
	must(t, unix.FcntlFlock(uintptr(f.fd), unix.F_OFD_SETLK, &lk))
}
