package handover

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A user's own daemon has a keeper as well.
func TestKeeperOfAnybody(t *testing.T) {
	const user = 65534
	dir, err := os.MkdirTemp("/tmp", "keeper")
	must(t, err)
	defer os.RemoveAll(dir)
	must(t, os.Chown(dir, user, user))
	credential := &syscall.Credential{Uid: user, Gid: user}
	vm := startAs(t, &syscall.SysProcAttr{Credential: credential}, "owner").ready()
	socket, path := dir+"/sock", dir+"/disk"
	daemon := startAs(t, &syscall.SysProcAttr{Credential: credential}, "daemon", socket, strconv.Itoa(vm.pid()), path).ready()
	pid := keeperOf(t, socket)
	daemon.kill()
	if !isLocked(t, path) {
		t.Error("the lock went with the daemon")
	}
	vm.kill()
	eventually(t, "the lock is free", func() bool { return !isLocked(t, path) })
	eventually(t, "the keeper ends", func() bool { return !alive(pid) })
	_, err = os.Stat(socket)
	wantErr(t, err, os.ErrNotExist)
}

// The keeper has no rights, nothing open and no environment that it could misuse.
func TestKeeperIsHardened(t *testing.T) {
	inherited, err := unix.Open(os.DevNull, unix.O_RDWR, 0) // without close-on-exec
	must(t, err)
	defer unix.Close(inherited)
	k, _ := keep(t)
	proc := fmt.Sprintf("/proc/%d/", k.PID())
	status, err := os.ReadFile(proc + "status")
	must(t, err)
	for _, line := range []string{
		"Name:\tvirtlock-keeper\n", "NoNewPrivs:\t1\n", "CapInh:\t0000000000000000\n", "CapPrm:\t0000000000000000\n",
		"CapEff:\t0000000000000000\n", "CapBnd:\t0000000000000000\n", "CapAmb:\t0000000000000000\n", "Umask:\t0077\n",
	} {
		if !strings.Contains(string(status), line) {
			t.Errorf("no %q in\n%s", line, status)
		}
	}
	cmdline, err := os.ReadFile(proc + "cmdline")
	must(t, err)
	equal(t, "the command line", string(cmdline), "virtlockd-test\x00--keeper\x00")
	environment, err := os.ReadFile(proc + "environ")
	must(t, err)
	equal(t, "the environment", string(environment), strings.Join(hardenedEnvironment, "\x00")+"\x00")
	cwd, err := os.Readlink(proc + "cwd")
	must(t, err)
	equal(t, "the directory", cwd, "/")
	limits, err := os.ReadFile(proc + "limits")
	must(t, err)
	if !strings.Contains(string(limits), "Max core file size        0                    0 ") {
		t.Errorf("limits are\n%s", limits)
	}
	session, err := unix.Getsid(k.PID())
	must(t, err)
	equal(t, "the session", session, k.PID())
	kinds := make(map[string]int)
	open, err := filepath.Glob(proc + "fd/*")
	must(t, err)
	for _, fd := range open {
		to, _ := os.Readlink(fd)
		kind, _, _ := strings.Cut(to, ":[")
		kinds[kind]++
	}
	if kinds["/dev/null"] != 3 || kinds["socket"] != 2 {
		t.Errorf("open are %v", kinds)
	}
}

// connectAs listens to a keeper as another user, and says how that ends.
func connectAs(user int, socket string) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if _, _, err := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), uintptr(user), ^uintptr(0)); err != 0 {
			result <- err
			return
		}
		fd, err := connect(socket, silence)
		if err == nil {
			_, _, _, err = newInbox().receive(fd, 0)
			unix.Close(fd)
		}
		result <- err
	}()
	return <-result
}

// Only its own user may use a keeper.
func TestOtherUserIsRefused(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "keeper")
	must(t, err)
	defer os.RemoveAll(dir)
	must(t, os.Chmod(dir, 0o755))
	socket := filepath.Join(dir, "sock")
	k, err := StartKeeper(socket, command())
	must(t, err)
	endWithTest(t, k)
	must(t, k.Pass(grant(t, scratch(t, "disk"), 1, identity(t, os.Getpid()))))
	equal(t, "what it keeps", ask(t, k), Kept{Locks: 1, Holds: 1})
	must(t, k.Close())
	wantErr(t, connectAs(65534, socket), unix.EACCES)
	must(t, os.Chmod(socket, 0o666))
	wantErr(t, connectAs(65534, socket), io.EOF)
	k, s, _ := find(t, socket)
	equal(t, "the number of holds", len(s.Holds), 1)
	must(t, k.Close())
}
