package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/daemon/internal/peer"
)

// listener is a socket, and the slots of those who connect to it.
type listener struct {
	socket *net.UnixListener
	file   *os.File // the same socket, which gives its connections as they are
	slots  *slots
}

func newListener(socket *net.UnixListener, s *slots) (listener, error) {
	file, err := socket.File()
	return listener{socket, file, s}, err
}

func (l listener) close() {
	l.file.Close()
	l.socket.Close()
}

// accept serves those who connect, until ctx ends.
func (d *Daemon) accept(ctx context.Context, l listener) error {
	raw, err := l.file.SyscallConn()
	if err != nil {
		return err
	}
	var complained time.Time
	for {
		fd, err := d.acceptOne(raw)
		if err == nil {
			if ctx.Err() == nil {
				d.welcome(l.slots, fd, nil)
			} else {
				unix.Close(fd)
			}
			d.gate.leave()
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
		case errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE):
			if pending(raw) && !d.acceptWithSpare(l, raw) {
				pause(ctx, pendingTime)
			}
		case errors.Is(err, unix.ECONNABORTED):
			// the client has gone already
		case !passes(err):
			return err
		default:
			if time.Since(complained) >= complaintTime {
				complained = time.Now()
				d.log.Error("could not accept a client, and goes on trying", "socket", l.slots.name, "error", err)
			}
			pause(ctx, pendingTime)
		}
	}
}

// complaintTime is how often errors of accept that pass are logged at most.
const complaintTime = time.Minute

// passes reports whether another accept may go well. A lack of memory passes,
// and so does what the network or a security module has against one client,
// accept(2); a socket that is none does not.
func passes(err error) bool {
	_, asked := errors.AsType[*os.SyscallError](err)
	return asked && !errors.Is(err, unix.EBADF) && !errors.Is(err, unix.EINVAL)
}

// acceptOne waits for a connection, and is inside the gate when it has one. The
// runtime's poller does the waiting; the connection itself is left to ours.
func (d *Daemon) acceptOne(raw syscall.RawConn) (fd int, err error) {
	rerr := raw.Read(func(socket uintptr) bool {
		d.gate.enter()
		for {
			fd, _, err = unix.Accept4(int(socket), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
			if err != unix.EINTR {
				break
			}
		}
		if err != nil {
			d.gate.leave()
		}
		return err != unix.EAGAIN
	})
	if rerr != nil {
		return -1, rerr
	}
	return fd, os.NewSyscallError("accept4", err)
}

func pause(ctx context.Context, t time.Duration) {
	select {
	case <-time.After(t):
	case <-ctx.Done():
	}
}

// pendingTime is how long pending waits.
const pendingTime = 100 * time.Millisecond

// pending waits a moment for a client that connects. Without a descriptor left
// accept(2) cannot: it takes one first, and then looks whether there is a client.
func pending(raw syscall.RawConn) bool {
	found := false
	err := raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, int(pendingTime.Milliseconds()))
		found = err == nil && n == 1
	})
	return err == nil && found
}

// acceptWithSpare takes a connection for which there is no descriptor left, so
// that its client gets an answer instead of waiting for ever. It reports
// whether that went well: a lock may have got the spare descriptor first.
func (d *Daemon) acceptWithSpare(l listener, raw syscall.RawConn) bool {
	d.spare.Close()
	defer d.spare.reopen()
	fd, err := d.acceptOne(raw)
	if err != nil {
		return false
	}
	defer d.gate.leave()
	if d.spare.reopen() == nil { // there are some again
		d.welcome(l.slots, fd, nil)
		return true
	}
	d.log.Error("no file descriptor left for a client", "socket", l.slots.name)
	c := d.welcome(l.slots, fd, &limitError{"the daemon has no file descriptor left", "raise LimitNOFILE of its service, or release locks"})
	if c == nil {
		return true
	}
	d.gate.park(func() {
		select {
		case <-c.closed:
		case <-time.After(time.Second):
			c.disconnect()
			<-c.closed
		}
	})
	return true
}

// welcome serves a connection, or answers its first request with the refusal if
// there is one. It gives nil when it does neither.
func (d *Daemon) welcome(s *slots, fd int, refusal error) *conn {
	cred, err := peer.Of(fd)
	if err == nil && cred.UID != os.Geteuid() {
		// As libvirt: root serves root, and a user's daemon that user.
		err = fmt.Errorf("process %d belongs to user %d", cred.PID, cred.UID)
	}
	if err != nil {
		d.log.Error("refused a client", "error", err)
		unix.Close(fd)
		return nil
	}
	c := newConn(d, s, fd, cred)
	if c.refusal = refusal; refusal == nil {
		c.refusal = s.take(d.log)
	}
	d.conns.Add(1)
	d.meet(c)
	if err := d.poller.add(c); err != nil {
		d.part(c, err)
		return nil
	}
	return c
}

// spareFile is a descriptor to give up when there are no others left.
type spareFile struct{ file atomic.Pointer[os.File] }

func newSpareFile() (*spareFile, error) {
	s := new(spareFile)
	return s, s.reopen()
}

// reopen opens it unless it is open.
func (s *spareFile) reopen() error {
	if s.file.Load() != nil {
		return nil
	}
	f, err := os.Open(os.DevNull)
	if err == nil && !s.file.CompareAndSwap(nil, f) {
		f.Close() // the other listener was faster
	}
	return err
}

// Close gives the descriptor up, if there is one.
func (s *spareFile) Close() {
	if f := s.file.Swap(nil); f != nil {
		f.Close()
	}
}
