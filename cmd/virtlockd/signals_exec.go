package main

import (
	"bytes"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"time"
	"unsafe"

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
	s.setLeaving(true)
	// What came before is in the channels then. What comes later ends this program
	// at once, as it would the next one: to be caught would be to be lost.
	for _, end := range ending {
		signal.Stop(s.caught[end])
		// Go's handler, which stays, takes a while to end the program, in which the
		// exec may be faster. The kernel takes none.
		s.former[end] = new(kernelAction)
		setAction(end, new(kernelAction), s.former[end])
	}
	awaitHandlers()
	for _, left := range inheritable {
		s.settle(left)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
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

func (s *signals) setLeaving(leaving bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = leaving
}

// settle waits until who acts on a signal has none in hand: it acts on it, which is
// known then, or has left it, or waits for the next.
func (s *signals) settle(left os.Signal) {
	for start := time.Now(); time.Since(start) < handlerTime; {
		select {
		case s.idle[left] <- struct{}{}:
			return
		case <-time.After(time.Millisecond):
		}
		s.mu.Lock()
		acting := s.acting[left]
		s.mu.Unlock()
		if acting {
			return
		}
	}
}

// handlerTime is how long awaitHandlers waits at most.
const handlerTime = 100 * time.Millisecond

// awaitHandlers waits until no thread has a signal in hand: one that the exec ends
// before its handler has done its work takes the signal along. So each thread is
// sent another signal, SIGURG, which Go sends itself all the time: it is taken only
// when the handler of an earlier one has returned, for in a handler all signals are
// blocked.
func awaitHandlers() {
	threads, _ := filepath.Glob("/proc/self/task/*")
	for _, thread := range threads {
		if tid, err := strconv.Atoi(filepath.Base(thread)); err == nil {
			unix.Tgkill(os.Getpid(), tid, unix.SIGURG)
		}
	}
	for start := time.Now(); time.Since(start) < handlerTime; runtime.Gosched() {
		if !slices.ContainsFunc(threads, hasSignal) {
			return
		}
	}
}

// hasSignal reports whether a thread has a signal pending for itself, or is in a
// handler, as its status in proc(5) tells.
func hasSignal(thread string) bool {
	status, err := os.ReadFile(thread + "/status")
	if err != nil {
		return false // it has ended
	}
	return (signalSet(status, "SigPnd")|signalSet(status, "SigBlk"))&(1<<(unix.SIGURG-1)) != 0
}

func signalSet(status []byte, field string) uint64 {
	_, digits, _ := bytes.Cut(status, []byte("\n"+field+":\t"))
	set, err := strconv.ParseUint(string(digits[:min(16, len(digits))]), 16, 64)
	if err != nil {
		return 0
	}
	return set
}

// kernelAction is a struct sigaction of rt_sigaction(2), whatever the machine. Of
// zeros it is the default action.
type kernelAction [64]byte

// setAction sets what the kernel does with a signal, and gives what it did before.
func setAction(sig os.Signal, now, before *kernelAction) {
	const setSize = 8 // bytes of the kernel's set of signals
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig.(syscall.Signal)),
		uintptr(unsafe.Pointer(now)), uintptr(unsafe.Pointer(before)), setSize, 0, 0)
}

// ending are the signals that want the end.
var ending = []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT}

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
	for end, former := range s.former {
		setAction(end, former, nil)
		delete(s.former, end)
	}
	for _, again := range append([]os.Signal{syscall.SIGUSR1, syscall.SIGHUP}, ending...) {
		signal.Notify(s.caught[again], again)
	}
	s.setLeaving(false)
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
