package bed

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Install puts a copy of a daemon's program where the host's daemon is started
// from, in the place of what was there, as the upgrade of a package does. A
// process that runs the old one goes on.
func (h *Host) Install(d Daemon) {
	h.t.Helper()
	h.Lockd, h.program = d, filepath.Join(h.dir, "virtlockd")
	// A process of its own writes it: a child of this one, started for another
	// test meanwhile, would have the file open for writing for a moment, and
	// what is open for writing cannot be executed.
	if out, err := h.Run("cp", d.Path(h.t), h.program+".new"); err != nil {
		h.t.Fatalf("install %s: %v: %s", d.Name, err, out)
	}
	if err := os.Rename(h.program+".new", h.program); err != nil {
		h.t.Fatalf("install %s: %v", d.Name, err)
	}
}

// lockdPath is the program that the host's daemon is started from.
func (h *Host) lockdPath() string {
	h.t.Helper()
	if h.program != "" {
		return h.program
	}
	return h.Lockd.Path(h.t)
}

// Replace installs a daemon's program and makes the daemon that runs become it.
func (h *Host) Replace(p *Process, d Daemon) {
	h.t.Helper()
	h.Install(d)
	p.Signal(unix.SIGUSR1)
	h.WaitReplaced(p)
}

// WaitReplaced waits until a process runs the program that was installed last, and
// answers.
func (h *Host) WaitReplaced(p *Process) {
	h.t.Helper()
	Eventually(h.t, "the program that was installed runs", func() bool {
		if !p.Running() {
			h.t.Fatalf("%s ended with %s", p.cmd.Path, p.cmd.ProcessState)
		}
		return h.RunsInstalled(p)
	})
	Eventually(h.t, "it answers", func() bool {
		_, err := h.VirtAdmin("srv-list")
		return err == nil
	})
}

// RunsInstalled reports whether a process runs the program that was installed last.
func (h *Host) RunsInstalled(p *Process) bool {
	running, err := os.Stat(fmt.Sprintf("/proc/%d/exe", p.PID()))
	if err != nil {
		return false
	}
	installed, err := os.Stat(h.program)
	return err == nil && os.SameFile(running, installed)
}
