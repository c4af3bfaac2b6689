package daemon

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
	"virtlock/daemon/internal/peer"
)

// listener is a socket, and the slots of those who connect to it.
type listener struct {
	socket *net.UnixListener
	slots  *slots
}

// accept serves those who connect, until ctx ends.
func (d *Daemon) accept(ctx context.Context, l listener) error {
	for {
		socket, err := l.socket.AcceptUnix()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				socket.Close()
			}
			return nil
		case err == nil:
			d.welcome(l.slots, socket, nil)
		case errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE):
			if !d.acceptWithSpare(l) {
				pause(ctx, 100*time.Millisecond)
			}
		case errors.Is(err, unix.ECONNABORTED):
			// the client has gone already
		default:
			return err
		}
	}
}

func pause(ctx context.Context, t time.Duration) {
	select {
	case <-time.After(t):
	case <-ctx.Done():
	}
}

// acceptWithSpare takes a connection for which there is no descriptor left, so
// that its client gets an answer instead of waiting for ever. It reports
// whether that went well: a lock may have got the spare descriptor first.
func (d *Daemon) acceptWithSpare(l listener) bool {
	d.spare.Close()
	defer d.spare.reopen()
	socket, err := l.socket.AcceptUnix()
	if err != nil {
		return false
	}
	d.log.Error("no file descriptor left for a client", "socket", l.slots.name)
	done := d.welcome(l.slots, socket, &limitError{"the daemon has no file descriptor left", "raise LimitNOFILE of its service, or release locks"})
	select {
	case <-done:
	case <-time.After(time.Second):
		socket.Close()
		<-done
	}
	return true
}

// welcome serves a connection on a goroutine of its own, and gives what is
// closed when it has ended.
func (d *Daemon) welcome(s *slots, socket *net.UnixConn, refusal error) <-chan struct{} {
	done := make(chan struct{})
	d.conns.Go(func() {
		defer close(done)
		defer socket.Close()
		d.serve(s, socket, refusal)
	})
	return done
}

func (d *Daemon) serve(s *slots, socket *net.UnixConn, refusal error) {
	cred, err := peer.Of(socket)
	if err != nil {
		d.log.Error("cannot tell who a client is", "error", err)
		return
	}
	// As libvirt: root serves root, and a user's daemon that user.
	if cred.UID != os.Geteuid() {
		d.log.Error("refused a client of another user", "uid", cred.UID, "pid", cred.PID)
		return
	}
	c, err := newConn(d, s, socket, cred)
	if err != nil {
		d.log.Error("cannot serve a client", "error", err)
		return
	}
	if c.refusal = refusal; refusal == nil {
		c.refusal = s.take(d.log)
	}
	if c.refusal != nil {
		d.refuse(c)
		return
	}
	d.clients.add(c)
	d.idle.touch()
	d.events.publish(api.EventClientConnected, func(e *api.Event) { e.Client = c.id })
	err = c.serve()
	c.close()
	s.giveBack()
	d.clients.remove(c)
	d.idle.touch()
	d.events.publish(api.EventClientClosed, func(e *api.Event) { e.Client = c.id })
	if !isOrdinaryEnd(err) {
		d.log.Info("closed a connection", "client", c.id, "pid", cred.PID, "because", err)
	}
}

// isOrdinaryEnd reports whether a connection ended because one side meant it to:
// by the client, with the daemon, by an administrator, or by a call.
func isOrdinaryEnd(err error) bool {
	return err == nil || errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, errClosing)
}

// How long a client may take to hear that it is refused, and how many may do so
// at a time.
const (
	refusalTime = 5 * time.Second
	maxRefusals = 128
)

// refuse answers one request with the reason and closes.
func (d *Daemon) refuse(c *conn) {
	if c.slots.refusing.Add(1) <= maxRefusals {
		c.socket.SetDeadline(time.Now().Add(refusalTime))
		c.serve()
	}
	c.slots.refusing.Add(-1)
	c.close()
}

// spareFile is a descriptor to give up when there are no others left.
type spareFile struct{ file atomic.Pointer[os.File] }

func newSpareFile() (*spareFile, error) {
	s := new(spareFile)
	return s, s.reopen()
}

func (s *spareFile) reopen() error {
	f, err := os.Open(os.DevNull)
	if err == nil {
		s.file.Store(f)
	}
	return err
}

// Close gives the descriptor up, if there is one.
func (s *spareFile) Close() {
	if f := s.file.Swap(nil); f != nil {
		f.Close()
	}
}
