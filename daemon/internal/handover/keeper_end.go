package handover

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// LetGo makes the keeper drop everything and end, which frees every lock that
// nobody else has, and closes the connection. One that has not ended within five
// seconds is killed.
func (k *Keeper) LetGo() error {
	if k.tell(&message{Kind: kindLetGo}) == nil && exited(k.pidfd, k.patience) {
		return k.Close()
	}
	return k.Kill()
}

// Kill ends the keeper at once, as one that hangs has to be before another is
// started: all that it keeps is freed that nobody else has. It closes the
// connection, and fails when the process does not end, as one may that hangs in
// storage.
func (k *Keeper) Kill() error {
	err := kill(k.pidfd, k.patience)
	if err != nil {
		err = fmt.Errorf("end the keeper, process %d: %w", k.pid, err)
	}
	return errors.Join(err, k.Close())
}

// reap waits for the keeper's process if it has ended and is a child, so that
// nothing of it stays. A program that was executed anew has the children it had.
func (k *Keeper) reap() { reap(k.pid, k.pidfd) }

// reapChild waits for a keeper that is about to end, if it is a child. Otherwise its
// pid may be another process's by now.
func reapChild(pid, pidfd int) {
	if got, err := unix.Wait4(pid, nil, unix.WNOHANG, nil); got == 0 && err == nil {
		exited(pidfd, patience/5)
		reap(pid, pidfd)
	}
}

// reap gives how a process has ended, if it is a child.
func reap(pid, pidfd int) (unix.WaitStatus, bool) {
	if !exited(pidfd, 0) {
		return 0, false
	}
	for {
		var status unix.WaitStatus
		got, err := unix.Wait4(pid, &status, unix.WNOHANG, nil)
		if err != unix.EINTR {
			return status, err == nil && got == pid
		}
	}
}

// errNoEnd says that a process is killed and does not end.
var errNoEnd = errors.New("it does not end")

func kill(pidfd int, limit time.Duration) error {
	if err := unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0); err != nil && err != unix.ESRCH {
		return err
	}
	if !exited(pidfd, limit) {
		return errNoEnd
	}
	return nil
}

// exited waits for the end of a process, for no longer than limit.
func exited(pidfd int, limit time.Duration) bool {
	deadline := time.Now().Add(limit)
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	for {
		left := max(0, time.Until(deadline))
		n, err := unix.Poll(fds, int((left+time.Millisecond-1)/time.Millisecond))
		if err != unix.EINTR {
			return err == nil && n == 1
		}
	}
}

// endKeeper ends a keeper that has not come up, and says how it had ended if it
// had.
func endKeeper(pid, pidfd int) error {
	// One that has closed its connection may be about to end.
	early := exited(pidfd, patience/5)
	if err := kill(pidfd, patience); err != nil {
		return err
	}
	status, ok := reap(pid, pidfd)
	switch {
	case !early || !ok:
		return nil
	case status.Signaled():
		return fmt.Errorf("process %d ended early: %v", pid, status.Signal())
	}
	return fmt.Errorf("process %d ended early: exit status %d", pid, status.ExitStatus())
}
