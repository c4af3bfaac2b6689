package filelock

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// inherit opens a file with a POSIX lock, as it comes from libvirt's daemon.
func inherit(t *testing.T, path string, kind int16) int {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	must(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	posixLock(t, fd, kind)
	return fd
}

func posixLock(t *testing.T, fd int, kind int16) {
	t.Helper()
	lk := lockOn(kind)
	must(t, unix.FcntlFlock(uintptr(fd), unix.F_SETLK, &lk))
}

func convert(t *testing.T, fd int, m Mode) *File {
	t.Helper()
	f, err := FromPOSIX(fd, m)
	must(t, err)
	wantLocks(t, fd, unix.F_UNLCK, m.kind())
	if got, held := f.Mode(); got != m || !held {
		t.Fatalf("mode %v, held %v, not %v", got, held, m)
	}
	return f
}

func wantLocks(t *testing.T, fd int, posix, own int16) {
	t.Helper()
	if p, o, err := inherited(fd); err != nil || p != posix || o != own {
		t.Fatalf("the locks of descriptor %d are %d and %d, not %d and %d; %v", fd, p, o, posix, own, err)
	}
}

func TestFromPOSIX(t *testing.T) {
	for _, m := range []Mode{Exclusive, Shared} {
		path := scratch(t)
		fd := inherit(t, path, m.kind())
		f := convert(t, fd, m)
		openPath(t, path).close(t) // would drop a POSIX lock
		err := openPath(t, path).Lock(Shared)
		if (err != nil) != (m == Exclusive) {
			t.Errorf("shared beside mode %v: %v", m, err)
		}
		if id, err := Identify(path); err != nil || f.ID() != id || f.Inode() != id.Inode {
			t.Errorf("identified as %v, not %v; %v", f.ID(), id, err)
		}
		convert(t, fd, m) // as of an attempt that was interrupted
	}
}

// What was handed to libvirt's daemon comes back with our own kind of lock.
func TestFromPOSIXOfOurOwnLock(t *testing.T) {
	for _, test := range []struct{ posix, own int16 }{
		{unix.F_UNLCK, unix.F_WRLCK},
		{unix.F_UNLCK, unix.F_RDLCK},
		{unix.F_RDLCK, unix.F_RDLCK}, // of a conversion that was interrupted
	} {
		for _, m := range []Mode{Exclusive, Shared} {
			fd := inherit(t, scratch(t), test.posix)
			must(t, (&File{fd: fd}).set(test.own))
			convert(t, fd, m)
		}
	}
}

// A program that wants the file exclusively all the time never gets it, however
// often the lock changes its kind there and back.
func TestFromPOSIXNeverLetsGo(t *testing.T) {
	for _, m := range []Mode{Exclusive, Shared} {
		path := scratch(t)
		fd := inherit(t, path, m.kind())
		p := startProber(t, "write", path)
		for range 3000 {
			f := convert(t, fd, m)
			must(t, f.Lock(Shared))
			posixLock(t, fd, unix.F_RDLCK)
			must(t, f.set(unix.F_UNLCK))
			posixLock(t, fd, m.kind())
		}
		if n := p.wins(); n > 0 {
			t.Errorf("mode %v: the lock was free %d times", m, n)
		}
	}
}

// One that comes and goes with a shared lock is waited for.
func TestFromPOSIXOutlastsWhoReads(t *testing.T) {
	path := scratch(t)
	fd := inherit(t, path, unix.F_WRLCK)
	p := startProber(t, "read", path)
	for range 50 {
		f := convert(t, fd, Exclusive)
		must(t, f.Lock(Shared))
		posixLock(t, fd, unix.F_RDLCK)
		must(t, f.set(unix.F_UNLCK))
		lk := lockOn(unix.F_WRLCK)
		eventually(t, "the lock is exclusive again", func() bool {
			return unix.FcntlFlock(uintptr(fd), unix.F_SETLK, &lk) == nil
		})
	}
	p.wins()
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in ten seconds it did not happen that %s", what)
		}
	}
}

// One that stays is reported, and the file is usable.
func TestFromPOSIXWeakened(t *testing.T) {
	path := scratch(t)
	fd := inherit(t, path, unix.F_RDLCK) // as if p had come in between
	p := start(t, "read posix", path)
	f, err := FromPOSIX(fd, Exclusive)
	var weakened *WeakenedError
	var locked *LockedError
	if !errors.As(err, &weakened) || !errors.As(err, &locked) || locked.PID != p.pid() {
		t.Fatalf("beside process %d: %v", p.pid(), err)
	}
	if m, held := f.Mode(); m != Shared || !held {
		t.Errorf("mode %v, held %v", m, held)
	}
	if want := fmt.Sprintf("only a shared lock is held: locked by process %d", p.pid()); err.Error() != want {
		t.Errorf("%q, not %q", err, want)
	}
	p.end()
	must(t, f.Lock(Exclusive))
}

func TestFromPOSIXLost(t *testing.T) {
	for _, m := range []Mode{Exclusive, Shared} {
		path := scratch(t)
		fd := inherit(t, path, unix.F_UNLCK)
		f, err := FromPOSIX(fd, m)
		var lost *LostError
		if !errors.As(err, &lost) || lost.Err != nil {
			t.Fatalf("a lock that was lost and is free: %v", err)
		}
		wantLocks(t, fd, unix.F_UNLCK, m.kind())
		if got, held := f.Mode(); got != m || !held {
			t.Errorf("mode %v, held %v", got, held)
		}

		path = scratch(t)
		p := start(t, "write ofd", path)
		fd = inherit(t, path, unix.F_UNLCK)
		f, err = FromPOSIX(fd, m)
		var locked *LockedError
		if !errors.As(err, &lost) || !errors.As(err, &locked) {
			t.Fatalf("a lock that was lost and taken: %v", err)
		}
		if _, held := f.Mode(); held {
			t.Error("a lock of another program is held")
		}
		p.end()
		must(t, f.Lock(m))
	}
}

// Two names of one file are two exclusive locks for libvirt's daemon, and one
// for the kernel: the first descriptor keeps it.
func TestFromPOSIXOfTwoDescriptors(t *testing.T) {
	path := scratch(t)
	first, second := inherit(t, path, unix.F_WRLCK), inherit(t, path, unix.F_WRLCK)
	p := startProber(t, "write", path)
	convert(t, first, Exclusive)
	_, err := FromPOSIX(second, Exclusive)
	var lost *LostError
	var locked *LockedError
	if !errors.As(err, &lost) || !errors.As(err, &locked) || locked.PID != 0 {
		t.Errorf("the second descriptor: %v", err)
	}
	must(t, unix.Close(second))
	wantLocks(t, first, unix.F_UNLCK, unix.F_WRLCK)
	if n := p.wins(); n > 0 {
		t.Errorf("the lock was free %d times", n)
	}
}

func TestFromPOSIXFails(t *testing.T) {
	if f, err := FromPOSIX(-1, Shared); f != nil || !errors.Is(err, unix.EBADF) {
		t.Errorf("%v, %v", f, err)
	}
	var pipe [2]int
	must(t, unix.Pipe2(pipe[:], unix.O_CLOEXEC))
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	if f, err := FromPOSIX(pipe[0], Shared); f != nil || !errors.Is(err, ErrNotLockable) {
		t.Errorf("%v, %v", f, err)
	}
}

func TestListedLocks(t *testing.T) {
	const posixWrite = "lock:\t1: POSIX  ADVISORY  WRITE 2201 00:27:54 0 0\n"
	for info, want := range map[string][2]int16{
		"":                               {unix.F_UNLCK, unix.F_UNLCK},
		"pos:\t0\nflags:\t02\nino:\t7\n": {unix.F_UNLCK, unix.F_UNLCK},
		posixWrite:                       {unix.F_WRLCK, unix.F_UNLCK},
		"pos:\t0\n" + "lock:\t1: POSIX  ADVISORY  READ 2201 fe:00:54 0 0\nlock:\t2: OFDLCK ADVISORY  READ -1 fe:00:54 0 EOF\n": {unix.F_RDLCK, unix.F_RDLCK},
		"lock:\t1: OFDLCK ADVISORY  WRITE -1 fe:00:54 100 101\n":                                                               {unix.F_UNLCK, unix.F_UNLCK},
		"lock:\t1: FLOCK  ADVISORY  WRITE 2201 fe:00:54 0 EOF\n":                                                               {unix.F_UNLCK, unix.F_UNLCK},
		"lock: 1:\n": {unix.F_UNLCK, unix.F_UNLCK},
	} {
		if posix, own := listedLocks([]byte(info)); [2]int16{posix, own} != want {
			t.Errorf("%q: %d and %d, not %v", info, posix, own, want)
		}
	}
}
