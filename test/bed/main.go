// Package bed is what the front-door tests stand on: private hosts on which a
// real libvirtd starts real QEMU guests against our virtlockd or against
// libvirt's own.
//
// The tests of a package run inside a pid namespace and a mount namespace of
// their own (Main), and each Host is one more mount and network namespace.
// When the tests end, whichever way, the kernel ends every process and every
// mount of theirs with the pid namespace: a panic or a timeout leaves no guest
// behind. Nothing here is for production code.
package bed

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// roleVar tells a test binary which of the processes of Main it is.
const (
	roleVar    = "VIRTLOCK_TEST_ROLE"
	roleInit   = "init"
	roleTests  = "tests"
	roleProber = "prober" // see Prober
)

// Main is the body of TestMain. The test binary starts itself as the init of a
// new pid namespace, and that starts itself again to run the tests. Needs root.
func Main(m *testing.M) {
	switch os.Getenv(roleVar) {
	case roleInit:
		os.Exit(runInit())
	case roleTests:
		os.Unsetenv(roleVar)
		os.Exit(m.Run())
	case roleProber:
		os.Exit(runProber(os.Args[1:]))
	default:
		os.Exit(runOutside())
	}
}

// runOutside starts the namespaces and waits for the tests in them.
func runOutside() int {
	if os.Geteuid() != 0 {
		return complain("these tests make namespaces and mounts: run them as root")
	}
	scratch, err := os.MkdirTemp("", "virtlock")
	if err != nil {
		return complain("make scratch directory: %v", err)
	}
	defer os.Remove(scratch)
	// The death signal comes when the thread that forked ends, not the process.
	runtime.LockOSThread()
	cmd := again(roleInit)
	cmd.Env = append(cmd.Env, "TMPDIR="+scratch)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS,
		Pdeathsig:  unix.SIGKILL,
	}
	if err := cmd.Run(); cmd.ProcessState == nil {
		return complain("start namespaces: %v", err)
	}
	return cmd.ProcessState.ExitCode()
}

// runInit is process 1 of the namespace: it starts the tests and reaps what
// loses its parent, as QEMU does when libvirtd detaches it.
func runInit() int {
	if err := mountNamespace(os.TempDir()); err != nil {
		return complain("%v", err)
	}
	tests := again(roleTests)
	if err := tests.Start(); err != nil {
		return complain("start tests: %v", err)
	}
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		if err == unix.EINTR || pid != tests.Process.Pid {
			continue
		}
		if status.Signaled() {
			return complain("the tests died by signal %v", status.Signal())
		}
		return status.ExitStatus()
	}
}

// mountNamespace cuts this mount namespace off from its parent, gives it the
// /proc of its pid namespace, and makes scratch a file system that goes with it.
func mountNamespace(scratch string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return mountTmpfs(scratch)
}

// again is this test binary once more, in another role.
func again(role string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), roleVar+"="+role)
	return cmd
}

// complain says on stderr why no test runs, and returns the exit status for it.
func complain(format string, args ...any) int {
	fmt.Fprintf(os.Stderr, "FAIL: "+format+"\n", args...)
	return 1
}
