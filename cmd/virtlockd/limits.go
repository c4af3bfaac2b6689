package main

import (
	"log/slog"
	"runtime"
	"runtime/debug"
	"syscall"
)

// maxThreads is how many threads Go may use. A call to storage that hangs takes
// one for as long as it does; at Go's own limit of 10000 the program would be
// ended, and every lock with it. The kernel has limits of its own.
const maxThreads = 1 << 20

// raiseLimits raises what may be raised without asking.
func raiseLimits(log *slog.Logger) {
	debug.SetMaxThreads(maxThreads)
	// A goroutine that waits in a system call keeps its processor for up to
	// 10 ms, and on a machine with one CPU Go has no other.
	runtime.GOMAXPROCS(max(2, runtime.GOMAXPROCS(0)))
	// A descriptor for each lock and each client: the soft limit is meant for
	// programs that use select(2). Go does this at its start, but as a favour
	// that it does not promise.
	var limit syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	if err == nil && limit.Cur < limit.Max {
		limit.Cur = limit.Max
		err = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)
	}
	if err != nil {
		log.Warn("cannot raise the limit of open files", "error", err)
	}
}
