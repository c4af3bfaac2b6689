package filelock

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLocksOfOneProcessExcludeEachOther(t *testing.T) {
	tests := []struct {
		first, second Mode
		refused       bool
	}{
		{Exclusive, Exclusive, true},
		{Exclusive, Shared, true},
		{Shared, Exclusive, true},
		{Shared, Shared, false},
	}
	for _, test := range tests {
		path := scratch(t)
		a, b := openPath(t, path), openPath(t, path)
		must(t, a.Lock(test.first))
		err := b.Lock(test.second)
		var locked *LockedError
		if errors.As(err, &locked) != test.refused {
			t.Errorf("mode %d beside %d: %v", test.second, test.first, err)
		}
		if locked != nil && locked.PID != 0 {
			t.Errorf("an open file description lock is said to be process %d's", locked.PID)
		}
	}
}

func TestChangeMode(t *testing.T) {
	path := scratch(t)
	a, b := openPath(t, path), openPath(t, path)
	must(t, a.Lock(Shared))
	must(t, b.Lock(Shared))
	var locked *LockedError
	if err := a.Lock(Exclusive); !errors.As(err, &locked) {
		t.Fatalf("upgrade beside a shared lock: %v", err)
	}
	// The refused upgrade keeps what it had.
	if err := openPath(t, path).Lock(Exclusive); !errors.As(err, &locked) {
		t.Fatalf("exclusive beside two shared locks: %v", err)
	}
	b.close(t)
	if err := openPath(t, path).Lock(Exclusive); !errors.As(err, &locked) {
		t.Fatalf("exclusive beside the shared lock of a refused upgrade: %v", err)
	}
	must(t, a.Lock(Exclusive))
	must(t, a.Lock(Exclusive)) // no change
	if err := openPath(t, path).Lock(Shared); !errors.As(err, &locked) {
		t.Fatalf("shared beside exclusive: %v", err)
	}
	must(t, a.Lock(Shared))
	must(t, openPath(t, path).Lock(Shared))
}

func TestClosingAnotherDescriptorKeepsTheLock(t *testing.T) {
	path := scratch(t)
	a := openPath(t, path)
	must(t, a.Lock(Exclusive))
	openPath(t, path).close(t) // would drop a POSIX lock
	if err := openPath(t, path).Lock(Shared); err == nil {
		t.Fatal("the lock is gone")
	}
}

func TestCloseUnlocksDespiteDuplicates(t *testing.T) {
	path := scratch(t)
	a := openPath(t, path)
	must(t, a.Lock(Exclusive))
	duplicate, err := unix.Dup(a.fd)
	must(t, err)
	defer unix.Close(duplicate)
	a.close(t)
	must(t, openPath(t, path).Lock(Exclusive))
}

func TestOtherPrograms(t *testing.T) {
	tests := []struct {
		program string
		mode    Mode
		refused bool
		tells   bool // the kernel says whose lock it is
	}{
		{"write posix", Exclusive, true, true},
		{"write posix", Shared, true, true},
		{"read posix", Exclusive, true, true},
		{"read posix", Shared, false, false},
		{"write ofd", Exclusive, true, false},
		{"read ofd", Exclusive, true, false},
		{"read ofd", Shared, false, false},
	}
	for _, test := range tests {
		path := scratch(t)
		p := start(t, test.program, path)
		if p.answer != "<nil>" {
			t.Fatalf("%s: error %s", test.program, p.answer)
		}
		f := openPath(t, path)
		err := f.Lock(test.mode)
		var locked *LockedError
		if errors.As(err, &locked) != test.refused {
			t.Fatalf("mode %d beside %s: %v", test.mode, test.program, err)
		}
		want := 0
		if test.tells {
			want = p.pid()
		}
		if test.refused && locked.PID != want {
			t.Errorf("mode %d beside %s is refused by process %d, not %d", test.mode, test.program, locked.PID, want)
		}
		p.end()
		if err := f.Lock(test.mode); err != nil {
			t.Errorf("mode %d after %s: %v", test.mode, test.program, err)
		}
	}
}

func TestLocksKeepOtherProgramsOut(t *testing.T) {
	path := scratch(t)
	f := openPath(t, path)
	answers := func(want string, programs ...string) {
		t.Helper()
		for _, what := range programs {
			if p := start(t, what, path); p.answer != want {
				t.Errorf("%s: error %s, not %s", what, p.answer, want)
			} else {
				p.end()
			}
		}
	}
	const again = "11" // EAGAIN
	must(t, f.Lock(Exclusive))
	answers(again, "write posix", "read posix", "write ofd", "read ofd")
	must(t, f.Lock(Shared))
	answers(again, "write posix", "write ofd")
	answers("<nil>", "read posix", "read ofd")
	f.close(t)
	answers("<nil>", "write posix", "write ofd")
}

// Byte 0 only: other bytes are other programs'.
func TestOnlyTheFirstByteIsLocked(t *testing.T) {
	path := scratch(t)
	must(t, openPath(t, path).Lock(Exclusive))
	other, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	defer other.Close()
	for _, test := range []struct {
		start, length int64
		want          error
	}{{0, 1, unix.EAGAIN}, {1, 0, nil}, {1, 1, nil}} {
		lk := unix.Flock_t{Type: unix.F_WRLCK, Start: test.start, Len: test.length}
		if err := unix.FcntlFlock(other.Fd(), unix.F_OFD_SETLK, &lk); err != test.want {
			t.Errorf("lock of %d bytes at %d: %v, not %v", test.length, test.start, err, test.want)
		}
	}
}

func TestLockedErrorText(t *testing.T) {
	for pid, want := range map[int]string{0: "locked by another program", 42: "locked by process 42"} {
		if got := (&LockedError{PID: pid}).Error(); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

// Everything fails on a closed descriptor, and nothing claims to be held.
func TestErrorsOfTheSystemComeThrough(t *testing.T) {
	f := openPath(t, scratch(t))
	f.close(t)
	wantErr(t, f.Lock(Exclusive), unix.EBADF)
	if f.held != unix.F_UNLCK {
		t.Error("a lock that failed is held")
	}
	if f.Unlinked() {
		t.Error("a file that cannot be looked at is unlinked")
	}
}
