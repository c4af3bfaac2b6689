package main

import (
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"virtlock/daemon"
)

// execve(2) resets the actions of signals but of those that are ignored. To block
// signals meanwhile does not help: Go lets those through that end a program before
// its own code runs. So SIGUSR1 and SIGHUP are ignored for the few milliseconds
// until the next program's catchSignals; SIGTERM and the like end the program as
// they should, if at once. What came earlier is told through a pipe.

// inheritable are the signals that a program leaves to the next one, when it may
// not live to act on them.
var inheritable = []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP}

// pipe is where signals wait for the next program: it inherits the end that is
// read, and nobody writes any more once it runs.
type pipe struct{ read, write *os.File }

// signalsFile names the pipe among what is left.
const signalsFile = "signals"

// hold leaves all signals from now on to the program that is executed next, if it
// is ours. SIGUSR1 is lost meanwhile, which asks for what is being done. The
// goroutine keeps its thread until release.
func (s *signals) hold(ours bool) {
	runtime.LockOSThread()
	signal.Ignore(syscall.SIGUSR1)
	unix.PthreadSigmask(unix.SIG_SETMASK, new(unix.Sigset_t), nil)
	if ours {
		s.bequeath()
	}
}

// bequeath leaves the signals that this program was told of and has not acted on.
func (s *signals) bequeath() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = true
	settle()
	for _, left := range inheritable {
		select {
		case <-s.caught[left]:
			s.leaveLocked(left)
		default:
			if s.acting[left] {
				s.leaveLocked(left)
			}
		}
	}
	signal.Ignore(syscall.SIGHUP)
}

// settle returns when all signals that this program was told of are in their
// channels: to stop a channel waits for that.
func settle() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM)
	signal.Stop(c)
}

func (s *signals) leaveLocked(left os.Signal) {
	s.left.write.Write([]byte{byte(left.(syscall.Signal))}) // a pipe has room for thousands
}

// act runs the action of a signal, unless that is the next program's to do.
func (s *signals) act(caught os.Signal, action func()) {
	s.mu.Lock()
	if s.leaving && caught != syscall.SIGUSR1 {
		s.leaveLocked(caught)
		s.mu.Unlock()
		return
	}
	s.acting[caught] = true
	s.mu.Unlock()
	action()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acting[caught] = false
}

// release undoes hold, because nothing was executed after all.
func (s *signals) release() {
	for _, again := range []os.Signal{syscall.SIGUSR1, syscall.SIGHUP} {
		signal.Notify(s.caught[again], again)
	}
	s.mu.Lock()
	s.leaving = false
	s.mu.Unlock()
	s.take(s.left.read)
	runtime.UnlockOSThread()
}

// inherit takes the signals that a former program has left.
func (s *signals) inherit(left *daemon.Inherited) {
	if f := left.File(signalsFile); f != nil {
		s.take(f)
		f.Close()
	}
}

// take catches the signals that wait in a pipe.
func (s *signals) take(f *os.File) {
	b := make([]byte, 4096)
	raw, err := f.SyscallConn()
	if err != nil {
		return
	}
	n := 0
	raw.Control(func(fd uintptr) { n, _ = unix.Read(int(fd), b) }) // it does not block
	for _, left := range b[:max(n, 0)] {
		select {
		case s.caught[syscall.Signal(left)] <- syscall.Signal(left):
		default: // it is known, or none of ours
		}
	}
}
