package bed

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Process is a program that keeps running on a host.
type Process struct {
	t    testing.TB
	cmd  *exec.Cmd
	log  *os.File
	done chan struct{} // closed when it ended and was reaped
}

// Start starts a program on the host. It is killed at the end of the test.
func (h *Host) Start(cmd *exec.Cmd) *Process {
	h.t.Helper()
	// A file, not a pipe: children that outlive the program keep it open.
	log, err := os.CreateTemp(h.dir, filepath.Base(cmd.Path)+".*.log")
	if err != nil {
		h.t.Fatalf("make log: %v", err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := h.Do(cmd.Start); err != nil {
		h.t.Fatalf("start %s: %v", cmd.Path, err)
	}
	p := &Process{t: h.t, cmd: cmd, log: log, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // ProcessState says it all
	}()
	h.processes = append(h.processes, p)
	return p
}

// PID is the program's process id, the same on all hosts.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Running reports whether the program has not ended.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Signal sends a signal to the program.
func (p *Process) Signal(sig unix.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatalf("signal %s: %v", p.cmd.Path, err)
	}
}

// Stop sends a signal and waits until the program ended. It returns how, in
// the words of os.ProcessState: "exit status 0", "signal: killed".
func (p *Process) Stop(sig unix.Signal) string {
	p.t.Helper()
	p.Signal(sig)
	return p.Wait()
}

// Wait waits until the program ended, and says how.
func (p *Process) Wait() string {
	p.t.Helper()
	select {
	case <-p.done:
		return p.cmd.ProcessState.String()
	case <-time.After(Patience):
		p.t.Fatalf("%s still runs after %v", p.cmd.Path, Patience)
		return ""
	}
}

// Log is what the program printed so far.
func (p *Process) Log() string {
	text, err := os.ReadFile(p.log.Name())
	if err != nil {
		return fmt.Sprintf("(no log: %v)", err)
	}
	return string(text)
}

// report fails the test when the program had a data race or panicked, and
// shows the end of its log when the test failed.
func (p *Process) report(t testing.TB) {
	text := p.Log()
	for _, bad := range []string{"WARNING: DATA RACE", "panic:", "fatal error:"} {
		if strings.Contains(text, bad) {
			t.Errorf("%s printed %q", p.cmd.Path, bad)
		}
	}
	if t.Failed() {
		lines := bytes.Split([]byte(text), []byte("\n"))
		lines = lines[max(0, len(lines)-60):]
		t.Logf("end of the log of %s:\n%s", p.cmd.Path, bytes.Join(lines, []byte("\n")))
	}
	p.log.Close()
}
