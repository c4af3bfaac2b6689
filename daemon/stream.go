package daemon

import (
	"bytes"
	"context"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// stream is the bytes of a connection, in and out.
type stream struct {
	fd      int
	closed  chan struct{} // closed with fd
	closing sync.Mutex    // held to close fd, and by those who must not see it closed

	reading atomic.Int32 // quiet, underWay or again

	generation int32 // of fd, whose number others had before; the poller's

	writing  sync.Mutex    // held while a message is written; guards the next two
	broken   error         // why nothing more is written
	giveUp   time.Time     // when the last words have taken too long; zero before them
	writable chan struct{} // has room for one; filled when there is room to write again

	// Of whoever reads.
	in      []byte // read and not yet used
	tooLong bool   // in had the start of a line that is passed over
}

// The states of reading.
const (
	quiet    int32 = iota // nobody reads
	underWay              // somebody does
	again                 // and has to look once more: something came meanwhile
)

func newStream(fd int) stream {
	return stream{fd: fd, closed: make(chan struct{}), writable: make(chan struct{}, 1)}
}

// begin notes what the poller saw, and reports whether the caller is to read.
func (s *stream) begin(events uint32) bool {
	if events&unix.EPOLLOUT != 0 {
		select {
		case s.writable <- struct{}{}:
		default: // it has been told already
		}
	}
	for {
		switch {
		case s.reading.CompareAndSwap(quiet, underWay):
			return true
		case s.reading.CompareAndSwap(underWay, again), s.reading.Load() == again:
			return false
		}
	}
}

// finish reports whether the caller need not read again.
func (s *stream) finish() bool {
	if s.reading.CompareAndSwap(underWay, quiet) {
		return true
	}
	s.reading.Store(underWay)
	return false
}

// buffers hold what was read only while it is worked on, so that a connection
// that says nothing has none.
var buffers = sync.Pool{New: func() any { b := make([]byte, 16<<10); return &b }}

// read appends what has come to in, and calls take, until there is no more.
// Memory follows the bytes that came, whatever length they announce. It fails
// with io.EOF when the other side has ended. A short read does not say that
// there is no more: descriptors that were sent along end a read too, unix(7).
func (s *stream) read(take func() error) error {
	b := buffers.Get().(*[]byte)
	defer buffers.Put(b)
	for {
		n, err := unix.Read(s.fd, *b)
		switch {
		case err == unix.EAGAIN:
			return nil
		case err == unix.EINTR:
			continue
		case err != nil:
			return os.NewSyscallError("read", err)
		case n == 0:
			return io.EOF
		}
		s.in = append(s.in, (*b)[:n]...)
		if err := take(); err != nil {
			return err
		}
		s.keep()
	}
}

// keep holds on to what was not used, and to no more memory than that takes.
func (s *stream) keep() {
	switch {
	case len(s.in) == 0:
		s.in = nil
	case cap(s.in) > 4*len(s.in):
		s.in = bytes.Clone(s.in)
	}
}

// use takes the first n bytes of what was read.
func (s *stream) use(n int) []byte {
	used := s.in[:n]
	s.in = s.in[n:]
	return used
}

// write writes one message, or fails when ctx ends and there is no room for long.
// It fails ever after: no message follows one that is torn.
func (s *stream) write(ctx context.Context, p *poller, message []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.broken != nil {
		return s.broken
	}
	if s.broken = s.writeAll(ctx, p, message); s.broken != nil {
		s.shutdown(unix.SHUT_RDWR) // so that who reads sees it too
	}
	return s.broken
}

func (s *stream) writeAll(ctx context.Context, p *poller, message []byte) error {
	for len(message) > 0 {
		n, err := unix.Write(s.fd, message)
		switch err {
		case nil:
			message = message[n:]
		case unix.EINTR:
		case unix.EAGAIN:
			if err := s.awaitRoom(ctx, p); err != nil {
				return err
			}
		default:
			return os.NewSyscallError("write", err)
		}
	}
	return nil
}

// lastWords is how long a connection that ends waits for its client to read all
// that it still has to tell it.
const lastWords = 500 * time.Millisecond

// awaitRoom waits until there is room to write.
func (s *stream) awaitRoom(ctx context.Context, p *poller) error {
	if err := p.control(unix.EPOLL_CTL_MOD, s.fd, s.generation, pollWrite); err != nil {
		return err
	}
	defer p.control(unix.EPOLL_CTL_MOD, s.fd, s.generation, pollRead)
	select {
	case <-s.writable:
		return nil
	case <-ctx.Done():
	}
	if s.giveUp.IsZero() {
		s.giveUp = time.Now().Add(lastWords)
	}
	select {
	case <-s.writable:
		return nil
	case <-time.After(time.Until(s.giveUp)):
		return context.Cause(ctx)
	}
}

// withFD calls f with the descriptor, which is not closed meanwhile; not at
// all if it has been.
func (s *stream) withFD(f func(fd int)) {
	s.closing.Lock()
	defer s.closing.Unlock()
	select {
	case <-s.closed: // the number may be another's by now
	default:
		f(s.fd)
	}
}

// shutdown is shutdown(2).
func (s *stream) shutdown(how int) {
	s.withFD(func(fd int) { unix.Shutdown(fd, how) })
}

func (s *stream) closeStream() {
	s.closing.Lock()
	defer s.closing.Unlock()
	unix.Close(s.fd)
	close(s.closed) // last: who waits for it wants the descriptor
}
