package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// askKernel asks for locks on the bytes that programs agree on, also of
// processes that cannot be seen: of another host, behind a network file system,
// or of another container. It takes no lock. Of a file that may not be opened
// nothing is known.
func askKernel(path string) []kernelLock {
	// Without waiting for the other side of a pipe.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	var list []kernelLock
	for _, first := range agreedBytes() {
		// Which every lock is in the way of.
		lk := unix.Flock_t{Type: unix.F_WRLCK, Start: int64(first), Len: 1}
		if unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &lk) != nil || lk.Type == unix.F_UNLCK {
			continue
		}
		l := kernelLock{Kind: kindPOSIX, Write: lk.Type == unix.F_WRLCK, First: first, Last: &first}
		if lk.Pid < 0 {
			l.Kind = kindOFD
		}
		list = append(list, l)
	}
	return list
}

// agreedBytes are the bytes that somebody uses by agreement.
func agreedBytes() []uint64 {
	list := []uint64{byteVirtlockd, byteLibvirt}
	for i := range permissions {
		list = append(list, byteUses+uint64(i), byteForbids+uint64(i))
	}
	return list
}
