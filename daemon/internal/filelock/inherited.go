package filelock

import (
	"bytes"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// inherited tells which locks on the byte are this process's own: its POSIX
// lock, and that of the open file. fcntl(2) tells of other owners' locks only,
// and names one of several; proc(5) lists exactly the own ones, without a call
// to the storage.
func inherited(fd int) (posix, own int16, err error) {
	info, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", fd))
	if err != nil {
		return unix.F_UNLCK, unix.F_UNLCK, fmt.Errorf("see the locks of descriptor %d: %w", fd, err)
	}
	posix, own = listedLocks(info)
	return posix, own, nil
}

// listedLocks reads lines as "lock:	1: POSIX  ADVISORY  WRITE 2201 00:27:54 0 0".
func listedLocks(info []byte) (posix, own int16) {
	posix, own = unix.F_UNLCK, unix.F_UNLCK
	for line := range bytes.Lines(info) {
		words := bytes.Fields(line)
		// The last but one is the first byte that is locked.
		if len(words) != 9 || string(words[0]) != "lock:" || string(words[7]) != "0" {
			continue
		}
		kind := int16(unix.F_RDLCK)
		if string(words[4]) == "WRITE" {
			kind = unix.F_WRLCK
		}
		switch string(words[2]) {
		case "POSIX":
			posix = kind
		case "OFDLCK":
			own = kind
		}
	}
	return posix, own
}
