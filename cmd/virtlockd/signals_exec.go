package main

import (
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// What execve(2) keeps of signals are those that are ignored, and those that are
// blocked in the thread that calls it, pending ones included. All others would end
// the program between its start and its catchSignals.

// pendingSignals wait for the next program, which catches them.
var pendingSignals = []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP}

// hold makes signals wait for the program that is executed next, if it is ours:
// libvirt's daemon would never look at those that are blocked. SIGUSR1 is lost
// meanwhile, which asks for what is being done. The goroutine keeps its thread
// until release.
func (s signals) hold(ours bool) {
	runtime.LockOSThread()
	signal.Ignore(syscall.SIGUSR1)
	var mask unix.Sigset_t
	if ours {
		mask = pendingSet()
	}
	unix.PthreadSigmask(unix.SIG_SETMASK, &mask, nil)
}

// release undoes hold, because nothing was executed after all.
func (s signals) release() {
	mask := pendingSet()
	unix.PthreadSigmask(unix.SIG_UNBLOCK, &mask, nil)
	signal.Notify(s[syscall.SIGUSR1], syscall.SIGUSR1)
	runtime.UnlockOSThread()
}

func pendingSet() (set unix.Sigset_t) {
	for _, s := range pendingSignals {
		set.Val[(s-1)/64] |= 1 << (uint(s-1) % 64)
	}
	return set
}
