package bed

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Host is a machine of its own as far as libvirt can see: its /run, /etc and
// /var are private and empty, and so is its network. The rest, above all the
// directories that tests put disks into, it shares with the other hosts.
type Host struct {
	Lockd Daemon // what StartVirtlockd starts

	t         testing.TB
	dir       string
	program   string // where Install has put Lockd; may be empty
	mnt, net  *os.File
	namespace string // of mnt, as /proc names it
	processes []*Process
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
