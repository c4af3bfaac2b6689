package handover

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/daemon/internal/peer"
)

// keeper is the process that keeps duplicates of the locks' descriptors, so that
// the locks outlive the daemon that took them. One goroutine does everything but
// to close files.
//
// It hears of each hold before the client does and of each drop before the
// kernel's lock is given back, but it listens at its leisure: what is in the
// queue of its socket is as safe as what it has read.
type keeper struct {
	epoll    int
	listener int
	socket   socketFile

	conn   int // to the daemon, -1 without one
	daemon int // its pid
	events uint32
	out    outbox
	in     *inbox

	kept
	busy  bool      // it was told of a change since it waited last
	letGo bool      // the daemon wants it to end
	full  bool      // it was told of everything once, and of each change since
	tried time.Time // when those that cannot be watched were tried last
}

// pause is how long the keeper lets messages gather before it looks again. A
// busy daemon does not have to wake it for each one then.
const pause = 3 * time.Millisecond

// Where an event comes from, beside owners.
const (
	fromOwner = iota
	fromListener
	fromDaemon
)

// RunKeeper is the keeper's process. It inherits a socket that listens, gives up
// all rights that it does not need, and returns when it keeps no lock and has no
// daemon, or when the daemon lets it go. The caller has to end the process then,
// and must not have done anything before.
func RunKeeper(listener int) error {
	ignoreSignals()
	if os.Getenv(hardenedEnv) == "" {
		return harden(listener) // runs the program again
	}
	settle()
	k, err := newKeeper(listener)
	if err != nil {
		return err
	}
	err = k.run()
	// Before the listener closes with the process: a daemon that is refused may
	// bind the name anew at once, and that one is not ours to remove.
	k.socket.remove()
	return err
}

func newKeeper(listener int) (*keeper, error) {
	k := &keeper{listener: listener, conn: -1, in: newInbox(), kept: newKept()}
	var err error
	if k.socket, err = findSocketFile(listener); err != nil {
		return nil, err
	}
	if k.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	k.watcher = func(fd int, pid int32) error { return k.control(unix.EPOLL_CTL_ADD, fd, fromOwner, pid, unix.EPOLLIN) }
	if err := unix.SetNonblock(listener, true); err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	// Again: who connects is told the pid of who called listen(2) last.
	if err := unix.Listen(listener, backlog); err != nil {
		return nil, os.NewSyscallError("listen", err)
	}
	return k, k.control(unix.EPOLL_CTL_ADD, listener, fromListener, 0, unix.EPOLLIN)
}

// control is epoll_ctl(2). The source and, of an owner, its pid come back with
// each event.
func (k *keeper) control(op, fd, source int, pid int32, events uint32) error {
	event := unix.EpollEvent{Events: events, Fd: int32(source), Pad: pid}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(k.epoll, op, fd, &event))
}

// run serves until there is nothing to keep and nobody to keep it for.
func (k *keeper) run() error {
	var events [64]unix.EpollEvent
	for {
		if !k.needed() {
			return nil
		}
		n, err := unix.EpollWait(k.epoll, events[:], k.patience())
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("keep locks: %w", os.NewSyscallError("epoll_wait", err))
		}
		k.serve(events[:max(n, 0)])
		if k.busy {
			k.busy = false
			time.Sleep(pause)
		}
	}
}

// needed reports whether it has to go on. It begins with a daemon in the queue
// of the listener: who starts it connects first.
func (k *keeper) needed() bool {
	if k.conn < 0 && k.living == 0 {
		k.accept()
	}
	return !k.letGo && (k.conn >= 0 || k.living > 0)
}

// patience is how long to wait for events, in milliseconds: for ever, unless
// something has to be tried again.
func (k *keeper) patience() int {
	switch {
	case k.out.crowded:
		return 10
	case len(k.idle) > 0:
		return 100
	case len(k.unwatched) > 0:
		return 1000
	}
	return -1
}

// serve works on what epoll has seen. The daemon comes first: what it had passed
// before it ended is to be known before another one takes its place.
func (k *keeper) serve(events []unix.EpollEvent) {
	k.drain()
	for _, event := range events {
		switch event.Fd {
		case fromOwner:
			k.exited(event.Pad)
		case fromListener:
			k.accept()
		}
	}
	if len(k.unwatched) > 0 && time.Since(k.tried) > time.Second {
		k.watchAgain()
		k.tried = time.Now()
	}
	if len(events) == 0 || len(k.idle) > mostIdle {
		k.forgetIdle()
	}
}

// accept takes in whoever has connected.
func (k *keeper) accept() {
	for {
		fd, _, err := unix.Accept4(k.listener, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		switch {
		case err == unix.EINTR || err == unix.ECONNABORTED:
		case err != nil:
			k.busy = k.busy || err != unix.EAGAIN // no descriptor left: look again, but not at once
			return
		default:
			k.admit(fd)
		}
	}
}

// admit makes a connection the daemon's, if it may be and there is none.
func (k *keeper) admit(fd int) {
	k.drain() // a daemon that has ended makes room
	who, err := peer.Of(fd)
	switch {
	case err != nil || who.UID != os.Geteuid():
		unix.Close(fd)
	case k.conn >= 0:
		taken := message{Kind: kindTaken, PID: k.daemon}
		unix.SendmsgN(fd, taken.append(nil), nil, nil, unix.MSG_NOSIGNAL) // who does not hear it sees the end
		unix.Close(fd)
	default:
		k.connected(fd, who.PID)
	}
}

func (k *keeper) connected(fd, pid int) {
	if k.control(unix.EPOLL_CTL_ADD, fd, fromDaemon, 0, unix.EPOLLIN) != nil {
		unix.Close(fd)
		return
	}
	k.conn, k.daemon, k.events = fd, pid, unix.EPOLLIN
	k.out = outbox{}
	k.out.say(&message{Kind: kindWelcome, Version: keeperVersion, PID: os.Getpid()})
	k.flush()
}

// disconnected is called when the daemon has gone, with everything read that it
// had said.
func (k *keeper) disconnected() {
	unix.Close(k.conn)
	k.conn, k.daemon = -1, 0
	k.out = outbox{}
	k.unfinished.drop(k.kept.drop)
}

// expect makes epoll tell of the daemon when one of the events has come.
func (k *keeper) expect(events uint32) {
	if k.events != events && k.control(unix.EPOLL_CTL_MOD, k.conn, fromDaemon, 0, events) == nil {
		k.events = events
	}
}
