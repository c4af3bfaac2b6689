package main

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// terminalOwner gives the terminal of this process, if it has one, to a command
// and takes it back, as a shell does.
type terminalOwner struct {
	file *os.File // nil without a terminal
}

func openTerminalOwner() *terminalOwner {
	file, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return &terminalOwner{}
	}
	return &terminalOwner{file}
}

func (t *terminalOwner) fd() int { return int(t.file.Fd()) }

func (t *terminalOwner) close() {
	if t.file != nil {
		_ = t.file.Close() // nothing was written
	}
}

// ours reports whether the terminal is with the process group of this process.
func (t *terminalOwner) ours() bool {
	if t.file == nil {
		return false
	}
	group, err := unix.IoctlGetInt(t.fd(), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// give makes a process group the one that the keyboard's signals go to. A process
// in the background is stopped for that unless it has the signal blocked.
func (t *terminalOwner) give(group int) {
	if t.file == nil {
		return
	}
	var before, blocked unix.Sigset_t
	blocked.Val[0] = 1 << (unix.SIGTTOU - 1)
	if unix.PthreadSigmask(unix.SIG_BLOCK, &blocked, &before) != nil {
		return
	}
	_ = unix.IoctlSetPointerInt(t.fd(), unix.TIOCSPGRP, group) // it may be gone
	_ = unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil)
}

// takeBack is for the end of a command that has the terminal.
func (t *terminalOwner) takeBack() {
	if t.file == nil {
		return
	}
	t.give(unix.Getpgrp())
	t.close()
}

// suspend stops this process as well, when the command was stopped, until both
// are continued. Where nobody would do that, the command goes on at once.
func (j *job) suspend() {
	if j.terminal.file == nil {
		return
	}
	j.terminal.give(unix.Getpgrp())
	if !orphaned() {
		continued := make(chan os.Signal, 1)
		signal.Notify(continued, unix.SIGCONT)
		// To the group, as the keyboard does. Not SIGTSTP: the runtime does not
		// give back its default to a signal that was notified of once.
		_ = unix.Kill(0, unix.SIGSTOP)
		<-continued
		signal.Stop(continued)
	}
	if j.terminal.ours() {
		j.terminal.give(j.pid)
	}
	j.signal(unix.SIGCONT)
}

// orphaned reports whether the process group of this process has no parent in the
// session, a shell, that would continue it. The kernel does not let the keyboard
// stop such a group.
func orphaned() bool {
	group := unix.Getpgrp()
	session, err := unix.Getsid(0)
	if err != nil {
		return true
	}
	for parent := unix.Getppid(); parent > 1; parent = parentOf(parent) {
		of, err := unix.Getpgid(parent)
		if err != nil {
			return true
		}
		if of != group {
			theirs, err := unix.Getsid(parent)
			return err != nil || theirs != session
		}
	}
	return true
}
