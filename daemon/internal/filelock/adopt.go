package filelock

import (
	"os"

	"golang.org/x/sys/unix"
)

// Adopt makes a File of a descriptor that this program inherited from its own
// former image, or got from the keeper, with a lock that the kernel is known to
// hold. It makes no system call: the storage below may hang, and a daemon that
// starts must not wait for it.
func Adopt(fd int, id ID, node uint64, m Mode) *File {
	return &File{fd: fd, id: id, inode: node, held: m.kind()}
}

// AdoptListed is Adopt for a descriptor whose lock may have been lost, in whole or in
// part: it is held as proc(5) lists it, which makes no call to the storage either.
func AdoptListed(fd int, id ID, node uint64) *File {
	_, held, err := inherited(fd)
	if err != nil {
		held = unix.F_UNLCK
	}
	return &File{fd: fd, id: id, inode: node, held: held}
}

// Confirm takes the lock of an open file once more, whatever it is known to hold. For
// a descriptor whose lock the kernel holds in that mode it changes nothing; it fails
// with a *LockedError when the lock was lost and another program is in the way. It
// uses a duplicate: the caller may give up waiting for it, and close the descriptor.
func Confirm(fd int, m Mode) error {
	duplicate, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	defer unix.Close(duplicate) // and not the File, which would give the lock back
	f := &File{fd: duplicate, held: unix.F_UNLCK}
	return f.lock(m.kind())
}

// Reassert takes the lock in a mode, also when it is thought to be held. It fails with
// a *LockedError when another program is in the way, and leaves what was held.
func (f *File) Reassert(m Mode) error { return f.lock(m.kind()) }

// FD is the descriptor, for a successor that inherits it. It stays the File's.
func (f *File) FD() int { return f.fd }

// Mode is the mode in which the kernel holds the lock; false if it holds none.
func (f *File) Mode() (m Mode, held bool) {
	if f.held == unix.F_RDLCK {
		return Shared, true
	}
	return Exclusive, f.held == unix.F_WRLCK
}
