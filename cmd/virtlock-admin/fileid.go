package main

import (
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// fileID tells files apart, under whatever name: by file system and inode, and
// block devices by their number.
type fileID struct {
	device uint64
	inode  uint64 // 0 for a block device
	block  bool
}

// String is the device as the daemon names it.
func (id fileID) String() string {
	return fmt.Sprintf("%d:%d", unix.Major(id.device), unix.Minor(id.device))
}

// identify says which file a path leads to. It does not ask a server of network
// storage, which might never answer: what the kernel knows is enough.
func identify(path string) (fileID, error) {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, unix.AT_STATX_DONT_SYNC, unix.STATX_TYPE|unix.STATX_INO, &st)
	if err != nil {
		return fileID{}, &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	if st.Mode&unix.S_IFMT == unix.S_IFBLK {
		return fileID{device: unix.Mkdev(st.Rdev_major, st.Rdev_minor), block: true}, nil
	}
	return fileID{device: unix.Mkdev(st.Dev_major, st.Dev_minor), inode: st.Ino}, nil
}

// leadsTo reports whether a path is a name of the file.
func (id fileID) leadsTo(path string) bool {
	other, err := identify(path)
	return err == nil && other == id
}
