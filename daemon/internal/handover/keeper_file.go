package handover

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// backlog is how many may wait to be taken in.
const backlog = 16

// socketFile is the file of the socket that the keeper listens on.
type socketFile struct {
	path string
	id   fileID
}

type fileID struct{ device, inode uint64 }

// findSocketFile finds the file of a socket.
func findSocketFile(fd int) (socketFile, error) {
	address, err := unix.Getsockname(fd)
	if err != nil {
		return socketFile{}, os.NewSyscallError("getsockname", err)
	}
	name, ok := address.(*unix.SockaddrUnix)
	if !ok || name.Name == "" {
		return socketFile{}, errors.New("the keeper's socket has no name")
	}
	id, err := socketID(name.Name)
	return socketFile{name.Name, id}, err
}

// socketID says which file a path names. It fails when that is no socket.
func socketID(path string) (fileID, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return fileID{}, &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return fileID{}, fmt.Errorf("%q is not a socket", path)
	}
	return fileID{st.Dev, st.Ino}, nil
}

// remove removes the file, unless its name is another's by now.
func (s socketFile) remove() {
	if id, err := socketID(s.path); err == nil && id == s.id {
		os.Remove(s.path)
	}
}

// removeStale removes the file of a socket that nobody listens on.
func removeStale(path string) error {
	_, err := socketID(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Remove(path)
}
