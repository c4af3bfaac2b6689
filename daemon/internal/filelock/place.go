package filelock

import (
	"errors"
	"io/fs"
	"path"

	"golang.org/x/sys/unix"
)

// Place is where a lock's file is: a name in a directory, or by itself.
type Place struct {
	Dir  string // absolute; empty when Name is an absolute path
	Name string // inside Dir, without symbolic links or ".."
}

// ErrNotEmpty says that a file with something in it was not removed: a lock's
// file is empty, so this is somebody's data.
var ErrNotEmpty = errors.New("not empty, so it is no lock file")

// ErrNotLockFile says that what a place names was not removed, because it is a
// link or a device.
var ErrNotLockFile = errors.New("a link or a device, so it is no lock file")

// Path is the file's path.
func (p Place) Path() string {
	if p.Dir == "" {
		return p.Name
	}
	return p.Dir + "/" + p.Name
}

const openFlags = unix.O_RDWR | unix.O_CLOEXEC | unix.O_NOCTTY

// maxTries is how often a file may come and go while it is opened.
const maxTries = 10

// open opens the file, or makes it: created tells which.
func (p Place) open(create bool) (fd int, created bool, err error) {
	err = p.at(func(dir int, name string) error {
		for range maxTries {
			// Mostly a file that is to be made is missing.
			if create {
				fd, err = openat(dir, name, unix.O_CREAT|unix.O_EXCL)
				if created = err == nil; err != unix.EEXIST {
					return err
				}
			}
			if fd, err = p.openExisting(dir, name); err != unix.ENOENT || !create {
				return err
			}
		}
		return unix.ELOOP // a link that leads nowhere is there and is not
	})
	return fd, created, err
}

// openExisting opens a file that is there. To open is to act on some devices (a
// watchdog starts, a tape rewinds), so what cannot be locked is not opened at
// all.
func (p Place) openExisting(dir int, name string) (int, error) {
	st, err := p.stat(dir, name)
	if err == nil {
		_, err = identity(&st)
	}
	if err != nil {
		return -1, err
	}
	flags := unix.O_NOFOLLOW
	if p.Dir == "" {
		flags = 0
	}
	return openat(dir, name, flags)
}

func openat(dir int, name string, flags int) (int, error) {
	return retryOpen(func() (int, error) { return unix.Openat(dir, name, openFlags|flags, 0o600) })
}

// Create makes the file, empty and with mode 0600. One that is there is no error.
func (p Place) Create() error {
	f, err := Open(p, true)
	if err != nil {
		return err
	}
	return f.Close()
}

// Names reports whether the place still names f, which may have been removed
// or replaced between the opening and the locking.
func (p Place) Names(f *File) (bool, error) {
	named := false
	err := p.at(func(dir int, name string) error {
		st, err := p.stat(dir, name)
		named = err == nil && f.is(&st)
		return err
	})
	if err != nil && err != unix.ENOENT {
		return false, &fs.PathError{Op: "stat", Path: p.Path(), Err: err}
	}
	return named, nil
}

// Remove removes the file if the place still names f and it is empty; it is no
// error if it does not. The caller holds f's lock exclusively, so that nobody
// can have locked the file that vanishes.
func (p Place) Remove(f *File) error {
	err := p.at(func(dir int, name string) error {
		var st unix.Stat_t
		// The link itself: what is unlinked has to be the file.
		err := retry(func() error { return unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) })
		switch {
		case err != nil:
			return err
		case !f.is(&st) || st.Mode&unix.S_IFMT != unix.S_IFREG:
			return nil
		case st.Size != 0:
			return ErrNotEmpty
		}
		return retry(func() error { return unix.Unlinkat(dir, name, 0) })
	})
	if err != nil && err != unix.ENOENT {
		return &fs.PathError{Op: "remove", Path: p.Path(), Err: err}
	}
	return nil
}

// confined keeps a name inside its directory, whatever the directory holds: no
// "..", no symbolic link, and none of the links below /proc.
const confined = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS

// at calls f with the directory that the place's file is in, and its name there.
// The flags and calls that take a name refuse a link only as its last element,
// so a directory below Dir is opened first, confined. Dir is looked up anew each
// time: what is mounted there may have changed since the last.
func (p Place) at(f func(dir int, name string) error) error {
	parent, name := path.Split(p.Name)
	if p.Dir == "" || parent == "" {
		return f(unix.AT_FDCWD, p.Path())
	}
	const flags = unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC
	root, err := retryOpen(func() (int, error) { return unix.Open(p.Dir, flags, 0) })
	if err != nil {
		return err
	}
	defer unix.Close(root)
	how := unix.OpenHow{Flags: flags, Resolve: confined}
	dir, err := retryOpen(func() (int, error) { return unix.Openat2(root, parent, &how) })
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	return f(dir, name)
}

// stat looks at the file, or at what a direct name's link leads to.
func (p Place) stat(dir int, name string) (st unix.Stat_t, err error) {
	flags := unix.AT_SYMLINK_NOFOLLOW
	if p.Dir == "" {
		flags = 0
	}
	err = retry(func() error { return unix.Fstatat(dir, name, &st, flags) })
	return st, err
}

// is reports whether st is of the file, and for a device of this very node: the
// kernel's lock is on the node.
func (f *File) is(st *unix.Stat_t) bool {
	id, err := identity(st)
	return err == nil && id == f.id && st.Ino == f.inode
}

// Identify tells which file a path names, links followed, without opening it.
func Identify(path string) (ID, error) {
	var st unix.Stat_t
	err := retry(func() error { return unix.Stat(path, &st) })
	var id ID
	if err == nil {
		id, err = identity(&st)
	}
	if err != nil {
		return ID{}, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	return id, nil
}

func retryOpen(open func() (int, error)) (fd int, err error) {
	err = retry(func() error { fd, err = open(); return err })
	return fd, err
}
