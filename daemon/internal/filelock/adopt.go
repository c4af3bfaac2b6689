package filelock

import "golang.org/x/sys/unix"

// Adopt makes a File of a descriptor that this program inherited from its own
// former image, or got from the keeper, with a lock that the kernel is known to
// hold. It makes no system call: the storage below may hang, and a daemon that
// starts must not wait for it.
func Adopt(fd int, id ID, node uint64, m Mode) *File {
	return &File{fd: fd, id: id, inode: node, held: m.kind()}
}

// Reassert takes the lock once more in the mode in which it is held. For a
// descriptor whose lock the kernel still holds it changes nothing. It fails with
// a *LockedError when the lock was lost and another program has it: then it is
// not held any more.
func (f *File) Reassert() error {
	if f.held == unix.F_UNLCK {
		return nil
	}
	kind := f.held
	f.held = unix.F_UNLCK
	return f.lock(kind)
}

// FD is the descriptor, for a successor that inherits it. It stays the File's.
func (f *File) FD() int { return f.fd }

// Mode is the mode in which the kernel holds the lock; false if it holds none.
func (f *File) Mode() (m Mode, held bool) {
	if f.held == unix.F_RDLCK {
		return Shared, true
	}
	return Exclusive, f.held == unix.F_WRLCK
}
