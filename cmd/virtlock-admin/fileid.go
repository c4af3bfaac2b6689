package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
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

// lockedFile is the file that a lock is on, as the daemon has it open: the name under
// which it was locked may lead elsewhere by now, or to storage that hangs. ok is false
// for what no daemon says.
func lockedFile(lock api.Lock) (id fileID, ok bool) {
	major, minor, ok := strings.Cut(lock.Device, ":")
	ma, err := strconv.ParseUint(major, 10, 32)
	mi, err2 := strconv.ParseUint(minor, 10, 32)
	if !ok || err != nil || err2 != nil {
		return fileID{}, false
	}
	return fileID{device: unix.Mkdev(uint32(ma), uint32(mi)), inode: lock.Inode, block: lock.Inode == 0}, true
}

// lockable fails for what cannot be a disk, as a directory that was typed by mistake.
func lockable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return usagef("virtlock-admin list --name "+shellWord(filepath.Join(path, "*"))+" lists the locks on its files", "%q is a directory", path)
	case !info.Mode().IsRegular() && info.Mode()&os.ModeType != os.ModeDevice:
		return usagef("", "%q is neither a file nor a block device", path)
	}
	return nil
}

// leadsTo reports whether a path is a name of the file.
func (id fileID) leadsTo(path string) bool {
	other, err := identify(path)
	return err == nil && other == id
}
