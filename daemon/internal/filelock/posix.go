package filelock

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// LostError says that a descriptor came without the lock that it should have
// had: libvirt's daemon loses the POSIX lock of a file when it closes another
// descriptor of it, which it does for two names of one file.
type LostError struct {
	// Err says why the lock could not be taken anew; nil if it is held again.
	Err error
}

func (e *LostError) Error() string {
	if e.Err == nil {
		return "the lock had been lost, and was taken anew"
	}
	return fmt.Sprintf("the lock had been lost: %v", e.Err)
}

func (e *LostError) Unwrap() error { return e.Err }

// WeakenedError says that an exclusive lock is held as a shared one, because
// another program took a shared lock while it changed its kind.
type WeakenedError struct{ Err *LockedError }

func (e *WeakenedError) Error() string {
	return fmt.Sprintf("only a shared lock is held: %v", e.Err)
}

func (e *WeakenedError) Unwrap() error { return e.Err }

// How long FromPOSIX tries to have an exclusive lock back, and how often.
const (
	strengthenFor   = time.Second
	strengthenEvery = 5 * time.Millisecond
)

// FromPOSIX makes a File of a descriptor that was inherited from libvirt's
// daemon, and of its POSIX lock, which goes with the process and with the first
// close of the file, an open file description lock. At no moment can another
// program take an exclusive lock. A lock that is of the right kind already, as
// on a descriptor that libvirt's daemon got from ours, stays as it is.
//
// It fails with a *LostError or a *WeakenedError beside a File that can be used,
// and with other errors without one; the descriptor is open in any case.
//
// The POSIX locks of one process on one file are one lock, whatever descriptors
// it has of it. Of two descriptors of one file the first gets it, and the second
// a *LostError; if one of them is exclusive with a *LockedError of no process in
// it, which is ourselves. Convert all descriptors before any is closed, and the
// exclusive ones first.
func FromPOSIX(fd int, m Mode) (*File, error) {
	f := &File{fd: fd, held: unix.F_UNLCK}
	if err := f.identify(); err != nil {
		return nil, fmt.Errorf("identify descriptor %d: %w", fd, err)
	}
	posix, own, err := inherited(fd)
	if err != nil {
		return nil, err
	}
	f.held = own
	switch {
	case own == m.kind() && posix == unix.F_UNLCK:
		return f, nil
	case own == unix.F_UNLCK && posix == unix.F_UNLCK:
		return f, &LostError{Err: f.Lock(m)}
	}
	if err := f.convert(posix); err != nil {
		return nil, fmt.Errorf("convert the lock of descriptor %d: %w", fd, err)
	}
	if m == Exclusive {
		err = f.strengthen()
	}
	return f, err
}

// convert makes of the process's POSIX lock a shared lock of the open file. The
// two exclude each other like those of two programs, so that both are shared for
// a moment, and the file is never without a lock.
func (f *File) convert(posix int16) error {
	if posix == unix.F_WRLCK {
		if err := f.setPOSIX(unix.F_RDLCK); err != nil {
			return err
		}
	}
	if err := f.lock(unix.F_RDLCK); err != nil || posix == unix.F_UNLCK {
		return err
	}
	return f.setPOSIX(unix.F_UNLCK)
}

// strengthen makes a shared lock an exclusive one, as soon as those who got
// between have gone.
func (f *File) strengthen() error {
	for end := time.Now().Add(strengthenFor); ; time.Sleep(strengthenEvery) {
		err := f.Lock(Exclusive)
		var locked *LockedError
		if !errors.As(err, &locked) {
			return err
		}
		if time.Now().After(end) {
			return &WeakenedError{locked}
		}
	}
}

func (f *File) setPOSIX(kind int16) error {
	lk := lockOn(kind)
	return retry(func() error { return unix.FcntlFlock(uintptr(f.fd), unix.F_SETLK, &lk) })
}
