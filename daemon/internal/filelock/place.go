package filelock

import (
	"errors"
	"io/fs"
	"path"
	"strings"

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

// confined keeps a name inside its directory, whatever the directory holds: no
// "..", no symbolic link, and none of the links below /proc.
const confined = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS

func (p Place) open(create bool) (int, error) {
	switch {
	case p.Dir == "":
		return openDirect(p.Name, create)
	case !strings.Contains(p.Name, "/"):
		// The usual name, which is confined as long as it is no link itself,
		// costs no look at the directory.
		flags := openFlags | unix.O_NOFOLLOW
		if create {
			flags |= unix.O_CREAT
		}
		return retryOpen(func() (int, error) { return unix.Open(p.Path(), flags, 0o600) })
	}
	dir, err := p.openDir()
	if err != nil {
		return -1, err
	}
	defer unix.Close(dir)
	how := unix.OpenHow{Flags: openFlags, Resolve: confined}
	if create {
		how.Flags |= unix.O_CREAT
		how.Mode = 0o600 // has to be 0 otherwise
	}
	return retryOpen(func() (int, error) { return unix.Openat2(dir, p.Name, &how) })
}

// openDirect opens a file by its absolute path and follows links. To open is to
// act on some devices (a watchdog starts, a tape rewinds), so what cannot be
// locked is not opened at all.
func openDirect(path string, create bool) (int, error) {
	flags := openFlags
	var st unix.Stat_t
	err := retry(func() error { return unix.Stat(path, &st) })
	switch {
	case err == nil:
		if _, err := identity(&st); err != nil {
			return -1, err
		}
	case err == unix.ENOENT && create:
		flags |= unix.O_CREAT | unix.O_NOFOLLOW // not what a dangling link leads to
	default:
		return -1, err
	}
	return retryOpen(func() (int, error) { return unix.Open(path, flags, 0o600) })
}

// openDir opens the place's directory anew each time: what is mounted there may
// have changed since the last.
func (p Place) openDir() (int, error) {
	return retryOpen(func() (int, error) {
		return unix.Open(p.Dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
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
	follow := 0
	if p.Dir != "" {
		follow = unix.AT_SYMLINK_NOFOLLOW
	}
	named := false
	err := p.at(func(dir int, name string) error {
		st, err := p.stat(dir, name, follow)
		named = err == nil && sameFile(&st, f.id)
		return err
	})
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	return named, err
}

// Remove removes the file if the place still names f and it is empty; it is no
// error if it does not. The caller holds f's lock exclusively, so that nobody
// can have locked the file that vanishes.
func (p Place) Remove(f *File) error {
	err := p.at(func(dir int, name string) error {
		// The link itself: what is unlinked has to be the file.
		st, err := p.stat(dir, name, unix.AT_SYMLINK_NOFOLLOW)
		if err != nil || !sameFile(&st, f.id) || st.Mode&unix.S_IFMT != unix.S_IFREG {
			return err
		}
		return p.unlinkEmpty(dir, name, &st)
	})
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	return err
}

func (p Place) unlinkEmpty(dir int, name string, st *unix.Stat_t) error {
	if st.Size != 0 {
		return &fs.PathError{Op: "remove", Path: p.Path(), Err: ErrNotEmpty}
	}
	if err := retry(func() error { return unix.Unlinkat(dir, name, 0) }); err != nil {
		return &fs.PathError{Op: "remove", Path: p.Path(), Err: err}
	}
	return nil
}

// at calls f with the directory that the place's file is in, and its name there.
// The flags and calls that take a name refuse a link only as its last element,
// so a directory below Dir is opened first.
func (p Place) at(f func(dir int, name string) error) error {
	parent, name := path.Split(p.Name)
	if p.Dir == "" || parent == "" {
		return f(unix.AT_FDCWD, p.Path())
	}
	dir, err := p.openParent(parent)
	if err != nil {
		return &fs.PathError{Op: "open", Path: p.Dir + "/" + parent, Err: err}
	}
	defer unix.Close(dir)
	return f(dir, name)
}

func (p Place) openParent(name string) (int, error) {
	dir, err := p.openDir()
	if err != nil {
		return -1, err
	}
	defer unix.Close(dir)
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: confined}
	return retryOpen(func() (int, error) { return unix.Openat2(dir, name, &how) })
}

func (p Place) stat(dir int, name string, flags int) (st unix.Stat_t, err error) {
	err = retry(func() error { return unix.Fstatat(dir, name, &st, flags) })
	if err != nil {
		err = &fs.PathError{Op: "stat", Path: p.Path(), Err: err}
	}
	return st, err
}

func sameFile(st *unix.Stat_t, id ID) bool {
	got, err := identity(st)
	return err == nil && got == id
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
