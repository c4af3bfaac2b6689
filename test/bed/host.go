package bed

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Patience bounds every wait for something that is expected to happen. It is
// long because two processors carry several guests without hardware help.
const Patience = 30 * time.Second

// Host is a machine of its own as far as libvirt can see: its /run, /etc and
// /var are private and empty, and so is its network. The rest, above all the
// directories that tests put disks into, it shares with the other hosts.
type Host struct {
	Lockd Daemon // what StartVirtlockd starts

	t         testing.TB
	dir       string
	mnt, net  *os.File
	namespace string // of mnt, as /proc names it
	processes []*Process
}

// privateDirs are where libvirt and virtlockd keep their files.
var privateDirs = []string{
	"/run", "/etc/libvirt", "/var/lib/libvirt", "/var/log/libvirt", "/var/cache/libvirt",
}

// NewHost makes a host on which nothing runs yet. Its processes end with the
// test.
func NewHost(t testing.TB, lockd Daemon) *Host {
	t.Helper()
	Need(t, "/etc/libvirt")
	h := &Host{t: t, dir: Dir(t), Lockd: lockd}
	if err := onThread(h.enterNew); err != nil {
		t.Fatalf("make host: %v", err)
	}
	t.Cleanup(h.close)
	return h
}

// enterNew moves the calling thread into the host's new namespaces.
func (h *Host) enterNew() error {
	if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	for _, dir := range privateDirs {
		if err := mountTmpfs(dir, ""); err != nil {
			return err
		}
	}
	// The /sys of this network: libvirtd asks about each interface it sees there.
	if err := unix.Mount("sysfs", "/sys", "sysfs", 0, ""); err != nil {
		return fmt.Errorf("mount /sys: %w", err)
	}
	var err error
	if h.namespace, err = os.Readlink("/proc/thread-self/ns/mnt"); err != nil {
		return err
	}
	if h.mnt, err = os.Open("/proc/thread-self/ns/mnt"); err != nil {
		return err
	}
	h.net, err = os.Open("/proc/thread-self/ns/net")
	return err
}

// Do runs f on a thread inside the host: paths mean the host's files, and what
// f starts runs there.
func (h *Host) Do(f func() error) error {
	return onThread(func() error {
		// A thread may change its mounts only when it shares no cwd with others.
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return fmt.Errorf("unshare cwd: %w", err)
		}
		if err := unix.Setns(int(h.mnt.Fd()), unix.CLONE_NEWNS); err != nil {
			return fmt.Errorf("enter mount namespace: %w", err)
		}
		if err := unix.Setns(int(h.net.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter network namespace: %w", err)
		}
		return f()
	})
}

// onThread runs f on a thread that ends with it: it never unlocks the thread,
// so the runtime throws it away, namespaces and all.
func onThread(f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		// The first thread stands for the process in /proc and is never thrown
		// away. While this goroutine sits on it the next one gets another.
		if unix.Gettid() == unix.Getpid() {
			defer runtime.UnlockOSThread()
			done <- onThread(f)
			return
		}
		done <- f()
	}()
	return <-done
}

// Write puts a file on the host.
func (h *Host) Write(path, text string) {
	h.t.Helper()
	if err := h.Do(func() error { return os.WriteFile(path, []byte(text), 0o644) }); err != nil {
		h.t.Fatalf("write file on host: %v", err)
	}
}

// Read returns a file of the host.
func (h *Host) Read(path string) string {
	h.t.Helper()
	var text []byte
	err := h.Do(func() (err error) {
		text, err = os.ReadFile(path)
		return err
	})
	if err != nil {
		h.t.Fatalf("read file on host: %v", err)
	}
	return string(text)
}

// Run runs a command on the host to its end and returns what it printed.
func (h *Host) Run(name string, args ...string) (string, error) {
	return h.run(nil, name, args...)
}

// run is Run with a say in how the command is started.
func (h *Host) run(set func(*exec.Cmd), name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	if set != nil {
		set(cmd)
	}
	var out []byte
	err := h.Do(func() (err error) {
		out, err = cmd.CombinedOutput()
		return err
	})
	return string(out), err
}

// close ends every process of the host and lets its namespaces go.
func (h *Host) close() {
	for pids := h.pids(); len(pids) > 0; pids = h.pids() {
		for _, pid := range pids {
			unix.Kill(pid, unix.SIGKILL)
		}
		time.Sleep(5 * time.Millisecond)
	}
	for _, p := range h.processes {
		p.report(h.t)
	}
	h.mnt.Close()
	h.net.Close()
}

// pids are the processes in the host's mount namespace. libvirt, its guests and
// whatever daemon they spawned stay in it.
func (h *Host) pids() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		h.t.Fatalf("list processes: %v", err)
	}
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if link, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", pid)); link == h.namespace {
			pids = append(pids, pid)
		}
	}
	return pids
}

// mountTmpfs mounts an empty file system in memory, for everybody to enter.
func mountTmpfs(dir, options string) error {
	if options != "" {
		options = "," + options
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755"+options); err != nil {
		return fmt.Errorf("mount tmpfs on %s: %w", dir, err)
	}
	return nil
}

// Dir is an empty directory that all hosts see and all users may enter. Unlike
// that of t.TempDir its path is short: a socket's may have 107 bytes.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "t")
	if err != nil {
		t.Fatalf("make directory: %v", err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatalf("make directory: %v", err)
	}
	return dir
}

// Eventually waits until true is what check says.
func Eventually(t testing.TB, what string, check func() bool) {
	t.Helper()
	for deadline := time.Now().Add(Patience); !check(); {
		if time.Now().After(deadline) {
			t.Fatalf("still not so after %v: %s", Patience, what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}
