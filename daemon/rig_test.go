package daemon_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a test waits for what has to happen. It is never used up
// by a test that passes.
const patience = 20 * time.Second

// eventually waits until something holds that nobody tells of.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in %v it did not happen that %s", patience, what)
		}
	}
}

// shortDir makes a directory for sockets, whose paths have at most 107 bytes
// (unix(7)).
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "vl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// newFile makes a file with something in it, as disks are.
func newFile(t testing.TB, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte("disk"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// guest is a process that can own locks.
type guest struct {
	cmd *exec.Cmd
	PID int
}

// newGuest starts a process that does nothing until the test ends.
func newGuest(t testing.TB) *guest { return newGuestOf(t, 0) }

// newGuestOf is newGuest under another uid.
func newGuestOf(t testing.TB, uid int) *guest {
	t.Helper()
	cmd := exec.Command("/bin/sleep", "infinity")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	if uid != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	g := &guest{cmd, cmd.Process.Pid}
	t.Cleanup(g.kill)
	return g
}

// kill ends the process. It may be called again.
func (g *guest) kill() {
	if g.cmd.ProcessState == nil {
		g.cmd.Process.Kill()
		g.cmd.Wait()
	}
}

// lives reports whether the process still runs.
func (g *guest) lives() bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(g.PID) + "/status")
	return err == nil && g.cmd.ProcessState == nil && !hasState(stat, 'Z')
}

func hasState(status []byte, state byte) bool {
	const field = "\nState:\t"
	for i := range len(status) - len(field) {
		if string(status[i:i+len(field)]) == field {
			return status[i+len(field)] == state
		}
	}
	return false
}

// deadPID is the pid of a process that is gone.
func deadPID(t testing.TB) int {
	t.Helper()
	cmd := exec.Command("/bin/true")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

// openFiles counts the descriptors of a process.
func openFiles(t testing.TB, pid int) int {
	t.Helper()
	names, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	if pid == os.Getpid() {
		return len(names) - 1 // the one that reads the directory
	}
	return len(names)
}
