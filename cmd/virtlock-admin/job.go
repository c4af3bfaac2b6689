package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// stopGrace is how long a command has to end after SIGTERM.
const stopGrace = 10 * time.Second

// job is a command in a process group of its own, so that all of it can be
// signalled, with the terminal when there is one.
type job struct {
	pid      int
	terminal *terminalOwner
	changes  chan unix.WaitStatus
}

// findProgram is the file of a command.
func findProgram(name string) (string, error) {
	path, err := exec.LookPath(name)
	switch {
	case errors.Is(err, exec.ErrDot):
		return path, nil // as it was typed
	case errors.Is(err, fs.ErrPermission):
		return "", &statusError{fmt.Errorf("run %q: it cannot be executed", name), exitCannotExecute}
	case err != nil:
		return "", &statusError{fmt.Errorf("run %q: there is no such command", name), exitNoSuchCommand}
	}
	return path, nil
}

// runJob runs a command until nothing of it is left, or lost says that it must be
// stopped. The error is its exit status, if that is not 0.
func runJob(e *env, program string, argv []string, lost <-chan error) error {
	// The kernel ends the command when the thread that started it ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := e.flush(); err != nil {
		return err
	}
	signals := passedSignals()
	defer signal.Stop(signals)
	guard, err := startGuard()
	if err != nil {
		return err
	}
	defer guard.dismiss()
	j, err := startJob(program, argv)
	if err != nil {
		return &statusError{err, exitCannotExecute}
	}
	guard.watch(j.pid)
	defer j.terminal.takeBack()
	return j.wait(signals, lost)
}

// startJob starts the command. Should this process be killed, the kernel kills
// the command, and the guard what that has started.
func startJob(program string, argv []string) (*job, error) {
	j := &job{terminal: openTerminalOwner(), changes: make(chan unix.WaitStatus)}
	attributes := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL}
	if j.terminal.ours() {
		attributes.Foreground, attributes.Ctty = true, j.terminal.fd()
	}
	process, err := os.StartProcess(program, argv, &os.ProcAttr{
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr}, Sys: attributes,
	})
	if err != nil {
		j.terminal.close()
		return nil, fmt.Errorf("run %q: %w", program, err)
	}
	j.pid = process.Pid
	_ = process.Release() // wait4(2) tells more than its Wait
	go j.watch()
	return j, nil
}

// watch tells each stop and at last the end of the command.
func (j *job) watch() {
	for {
		var status unix.WaitStatus
		_, err := unix.Wait4(j.pid, &status, unix.WUNTRACED, nil)
		if err == unix.EINTR {
			continue
		}
		j.changes <- status
		if err != nil || !status.Stopped() {
			return
		}
	}
}

// wait passes signals on until the command has ended.
func (j *job) wait(signals chan os.Signal, lost <-chan error) error {
	var (
		loss error
		late <-chan time.Time
	)
	for {
		select {
		case s := <-signals:
			j.signal(s.(syscall.Signal))
		case loss = <-lost:
			j.signal(unix.SIGTERM)
			j.signal(unix.SIGCONT) // one that is stopped does not see the other
			late = time.After(stopGrace)
		case <-late:
			j.signal(unix.SIGKILL)
		case status := <-j.changes:
			switch {
			case status.Stopped() && loss == nil:
				j.suspend()
			case status.Stopped():
				j.signal(unix.SIGCONT)
			default:
				j.end()
				return jobError(status, loss)
			}
		}
	}
}

// signal sends a signal to the command and all that it has started. Who is not
// there any more needs none.
func (j *job) signal(s unix.Signal) { _ = unix.Kill(-j.pid, s) }

// end ends what the command has left behind in its group: it would go on without
// the lock.
func (j *job) end() {
	if unix.Kill(-j.pid, unix.SIGTERM) != nil {
		return // nobody
	}
	j.signal(unix.SIGCONT)
	for deadline := time.Now().Add(stopGrace); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if unix.Kill(-j.pid, 0) != nil {
			return
		}
	}
	j.signal(unix.SIGKILL)
}

// jobError is the exit status of a command as an error.
func jobError(status unix.WaitStatus, loss error) error {
	switch {
	case loss != nil:
		return &lostError{loss}
	case status.Signaled():
		return &exitError{exitSignalled + int(status.Signal())}
	case status.ExitStatus() != 0:
		return &exitError{status.ExitStatus()}
	}
	return nil
}

// passedSignals receives the signals that are for the command. What this process
// ignores, as SIGHUP under nohup(1), it goes on to ignore.
func passedSignals() chan os.Signal {
	signals := make(chan os.Signal, 16)
	for _, s := range []os.Signal{
		unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGTSTP,
	} {
		if !signal.Ignored(s) {
			signal.Notify(signals, s)
		}
	}
	return signals
}
