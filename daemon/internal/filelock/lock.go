package filelock

import (
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// Mode is how a lock may be held beside others.
type Mode uint8

// The modes of a lock.
const (
	Exclusive Mode = iota // alone
	Shared                // beside other shared locks
)

// kind is the kernel's name of a mode.
func (m Mode) kind() int16 {
	if m == Shared {
		return unix.F_RDLCK
	}
	return unix.F_WRLCK
}

// LockedError says that the kernel refused a lock because another program
// holds one on the same file.
type LockedError struct {
	// PID is the other program's process, 0 where the kernel does not tell: an
	// open file description lock belongs to no process, and a lock on network
	// storage may be another host's.
	PID int
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return "locked by another program"
	}
	return fmt.Sprintf("locked by process %d", e.PID)
}

// Lock takes the lock, or changes its mode, and does not wait: it fails with a
// *LockedError when another program holds a lock in the way.
func (f *File) Lock(m Mode) error {
	kind := m.kind()
	if f.held == kind {
		return nil
	}
	return f.lock(kind)
}

func (f *File) lock(kind int16) error {
	err := f.set(kind)
	if refused(err) {
		return &LockedError{PID: f.holder(kind)}
	}
	return err
}

// refused reports whether another holds a lock in the way: fcntl(2) has two
// errors for it.
func refused(err error) bool { return err == unix.EAGAIN || err == unix.EACCES }

func (f *File) set(kind int16) error {
	lk := lockOn(kind)
	err := retry(func() error { return unix.FcntlFlock(uintptr(f.fd), unix.F_OFD_SETLK, &lk) })
	if err == nil {
		f.held = kind
	}
	return err
}

// holder asks the kernel who is in the way of a lock.
func (f *File) holder(kind int16) int {
	lk := lockOn(kind)
	err := retry(func() error { return unix.FcntlFlock(uintptr(f.fd), unix.F_OFD_GETLK, &lk) })
	if err != nil || lk.Type == unix.F_UNLCK || lk.Pid < 0 {
		return 0
	}
	return int(lk.Pid)
}

// lockOn describes a lock on the byte that libvirt's virtlockd uses.
func lockOn(kind int16) unix.Flock_t {
	return unix.Flock_t{Type: kind, Whence: io.SeekStart, Start: 0, Len: 1}
}
