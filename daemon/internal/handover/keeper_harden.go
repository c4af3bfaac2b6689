package handover

import (
	"fmt"
	"os"
	"os/signal"
	"runtime"

	"golang.org/x/sys/unix"
)

// hardenedEnv tells the keeper that it is its second run, without any rights.
const hardenedEnv = "VIRTLOCK_KEEPER"

// hardenedEnvironment is all that the second run has of one. It keeps a process
// small that has next to nothing to do.
var hardenedEnvironment = []string{hardenedEnv + "=1", "GOMAXPROCS=1", "GOGC=20"}

// ignoreSignals makes the keeper outlive what ends a daemon: a Ctrl-C, a pkill, a
// service manager that stops everything.
func ignoreSignals() {
	signal.Ignore(unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGPIPE, unix.SIGALRM, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2)
}

// harden gives up what a keeper does not need and runs the program again: rights
// belong to threads, and Go has several before the program begins. It returns
// only when that fails.
func harden(listener int) error {
	runtime.LockOSThread()
	unix.Umask(0o077)
	if err := unix.Chdir("/"); err != nil {
		return os.NewSyscallError("chdir", err)
	}
	// The rest makes it safer, and nothing depends on it: what is refused is
	// left as it is.
	unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	os.WriteFile("/proc/self/oom_score_adj", []byte("-1000"), 0)
	unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	dropCapabilities()
	inheritOnly(listener)
	err := unix.Exec("/proc/self/exe", os.Args, hardenedEnvironment)
	return fmt.Errorf("run the keeper again: %w", os.NewSyscallError("execve", err))
}

// dropCapabilities drops those of this thread. Out of the bounding set they have
// to go too, or root would have them again by the next exec (capabilities(7)).
func dropCapabilities() {
	for c := uintptr(0); ; c++ {
		if _, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, c, 0, 0, 0); err != nil {
			break // there is none with that number
		}
		unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
	}
	unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	var none [2]unix.CapUserData
	unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0])
}

// inheritOnly lets the next program have no descriptors but the standard ones and
// this one.
func inheritOnly(fd int) {
	// The descriptors of Go's own runtime are among them, so they are not closed
	// before the exec.
	closeFrom := func(first, last int) {
		if first <= last {
			unix.CloseRange(uint(first), uint(last), unix.CLOSE_RANGE_CLOEXEC)
		}
	}
	closeFrom(3, fd-1)
	closeFrom(fd+1, 1<<31-1)
	unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0)
}

// settle is the rest of it, which an exec would undo.
func settle() {
	// The name that ps shows is the first thread's, and this may be another.
	os.WriteFile("/proc/self/comm", []byte("virtlock-keeper"), 0)
	// Go does this at its start, but as a favour that it does not promise.
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil && limit.Cur < limit.Max {
		limit.Cur = limit.Max
		unix.Setrlimit(unix.RLIMIT_NOFILE, &limit)
	}
	unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}
