package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// lockFirstByte does an operation of fcntl(2) with a write lock on the first byte
// of a file: F_SETLK, F_GETLK or the same for open file descriptions. It returns
// what the kernel says about the lock.
func lockFirstByte(f *os.File, operation int) (unix.Flock_t, error) {
	lock := unix.Flock_t{Type: unix.F_WRLCK, Len: 1}
	raw, err := f.SyscallConn()
	if err != nil {
		return lock, err
	}
	controlErr := raw.Control(func(fd uintptr) { err = unix.FcntlFlock(fd, operation, &lock) })
	if controlErr != nil {
		err = controlErr
	}
	return lock, err
}
