package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// What one call of xmllint may use: seconds of a processor, and bytes.
const (
	cpuLimit    = 20
	memoryLimit = 1 << 30
)

// limitProcess bounds what a process may use, and lets it write no file.
func limitProcess(pid int) error {
	for resource, limit := range map[int]uint64{
		unix.RLIMIT_CPU:   cpuLimit,
		unix.RLIMIT_AS:    memoryLimit,
		unix.RLIMIT_FSIZE: 0,
		unix.RLIMIT_CORE:  0,
	} {
		err := unix.Prlimit(pid, resource, &unix.Rlimit{Cur: limit, Max: limit}, nil)
		if err != nil && err != unix.ESRCH { // it may have ended already
			return fmt.Errorf("limit xmllint: %w", err)
		}
	}
	return nil
}

// outputLimit is how much of xmllint's output is kept.
const outputLimit = 1 << 20

// limitedBuffer keeps the start of what is written to it.
type limitedBuffer struct{ kept []byte }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	b.kept = append(b.kept, p[:min(len(p), outputLimit-len(b.kept))]...)
	return len(p), nil
}
