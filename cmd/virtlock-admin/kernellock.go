package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// kernelLock is a lock as the kernel has it.
type kernelLock struct {
	// Kind is in the kernel's words: POSIX, OFDLCK, FLOCK or LEASE.
	Kind  string `json:"kind"`
	Write bool   `json:"write"`
	// First and Last are the bytes, both included. Last is missing where the
	// lock goes on to the end of the file, however long it gets.
	First uint64  `json:"first"`
	Last  *uint64 `json:"last,omitempty"`
	// Meaning says in words what it is for.
	Meaning string `json:"meaning"`
}

// parseKernelLock reads a line of /proc/locks or, without its first word, of
// /proc/PID/fdinfo: "1: POSIX  ADVISORY  WRITE 4242 08:01:131075 0 EOF".
func parseKernelLock(line string) (l kernelLock, ok bool) {
	words := strings.Fields(line)
	if len(words) != 8 {
		return l, false
	}
	first, err := strconv.ParseUint(words[6], 10, 64)
	if err != nil {
		return l, false
	}
	l = kernelLock{Kind: words[1], Write: words[3] == "WRITE", First: first}
	if words[7] != "EOF" {
		last, err := strconv.ParseUint(words[7], 10, 64)
		if err != nil {
			return l, false
		}
		l.Last = &last
	}
	return l, true
}

// last is the last byte of the lock.
func (l kernelLock) last() uint64 {
	if l.Last == nil {
		return math.MaxUint64
	}
	return *l.Last
}

// covers reports whether a byte is locked.
func (l kernelLock) covers(byte uint64) bool { return l.First <= byte && byte <= l.last() }

// ranged reports whether the lock is one on bytes, which fcntl(2) makes. The
// others know nothing of these.
func (l kernelLock) ranged() bool { return l.Kind == kindPOSIX || l.Kind == kindOFD }

// The kernel's words for locks that fcntl(2) makes.
const (
	kindPOSIX = "POSIX"
	kindOFD   = "OFDLCK"
)

// bytes are the bytes in words.
func (l kernelLock) bytes() string {
	switch {
	case l.First == 0 && l.Last == nil:
		return "the whole file"
	case l.Last == nil:
		return fmt.Sprintf("byte %d and all after it", l.First)
	case l.First == *l.Last:
		return fmt.Sprintf("byte %d", l.First)
	}
	return fmt.Sprintf("bytes %d to %d", l.First, *l.Last)
}
