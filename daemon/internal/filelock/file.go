// Package filelock is one kernel lock on one open file.
//
// The locks are open file description locks (fcntl(2), F_OFD_SETLK) on byte 0,
// length 1: the very byte that libvirt's virtlockd locks with POSIX locks, so
// that both exclude each other on a file system they share. Unlike POSIX locks
// they conflict inside one process too, they do not vanish when the process
// closes another descriptor of the same file, and they live as long as any
// duplicate of their descriptor does.
//
// Every call of this package may block for as long as the storage below does.
package filelock

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// ID is what makes two names one file. Two device nodes of one block device
// are one file as well.
type ID struct {
	Device uint64 // of the file system, or the block device itself
	Inode  uint64 // 0 for a block device
}

// File is an open file that can be locked. Its methods must not be called at
// the same time.
type File struct {
	fd    int
	id    ID
	inode uint64
	made  bool  // by Open
	held  int16 // the kernel's lock: F_UNLCK, F_RDLCK or F_WRLCK
}

// ErrNotLockable is wrapped in the error of opening what is neither a regular
// file nor a block device.
var ErrNotLockable = errors.New("not a regular file or block device")

// Open opens the file that p names for reading and writing. With create a file
// that is missing is made, empty and with mode 0600. It fails with a
// *fs.PathError whose Op is "open" or "create".
func Open(p Place, create bool) (*File, error) {
	op := "open"
	if create {
		op = "create"
	}
	fd, made, err := p.open(create)
	if err != nil {
		return nil, &fs.PathError{Op: op, Path: p.Path(), Err: err}
	}
	f := &File{fd: fd, made: made, held: unix.F_UNLCK}
	if err := f.identify(); err != nil {
		unix.Close(fd)
		return nil, &fs.PathError{Op: op, Path: p.Path(), Err: err}
	}
	return f, nil
}

func (f *File) identify() error {
	var st unix.Stat_t
	if err := retry(func() error { return unix.Fstat(f.fd, &st) }); err != nil {
		return err
	}
	id, err := identity(&st)
	f.id, f.inode = id, st.Ino
	return err
}

// identity tells what file st is of, or why it cannot be locked.
func identity(st *unix.Stat_t) (ID, error) {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return ID{Device: st.Dev, Inode: st.Ino}, nil
	case unix.S_IFBLK:
		return ID{Device: st.Rdev}, nil
	case unix.S_IFDIR:
		return ID{}, unix.EISDIR
	case unix.S_IFLNK:
		return ID{}, unix.ELOOP // one that is not to be followed
	case unix.S_IFSOCK:
		return ID{}, unix.ENXIO // what open(2) says of it
	default:
		return ID{}, ErrNotLockable
	}
}

// ID is the file's identity.
func (f *File) ID() ID { return f.id }

// Made reports whether Open made the file.
func (f *File) Made() bool { return f.made }

// Inode is the number of the inode that the kernel's lock is on.
func (f *File) Inode() uint64 { return f.inode }

// Unlinked reports whether the file has no name left. Its inode number will be
// another file's once it is closed everywhere.
func (f *File) Unlinked() bool {
	var st unix.Stat_t
	err := retry(func() error { return unix.Fstat(f.fd, &st) })
	return err == nil && st.Nlink == 0
}

// DeviceNumbers splits the device of an ID.
func (id ID) DeviceNumbers() (major, minor uint32) {
	return unix.Major(id.Device), unix.Minor(id.Device)
}

// Close gives the lock back, if there is one, and closes the file. The lock is
// given back by name and not by the close alone, because a duplicate of the
// descriptor may be open elsewhere.
func (f *File) Close() error {
	var err error
	if f.held != unix.F_UNLCK {
		err = f.set(unix.F_UNLCK)
	}
	return errors.Join(err, unix.Close(f.fd))
}

// retry calls f again for as long as a signal interrupts it: the runtime sends
// itself signals, and file systems in user space answer them with EINTR.
func retry(f func() error) error {
	for {
		if err := f(); err != unix.EINTR {
			return err
		}
	}
}
