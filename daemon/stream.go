package daemon

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/daemon/internal/failpoint"
)

// stream is the bytes of a connection, in and out.
type stream struct {
	fd      int
	closed  chan struct{} // closed with fd
	closing sync.Mutex    // held to close fd, and by those who must not see it closed

	reading atomic.Int32 // quiet, underWay or again
	ending  atomic.Bool  // the other side says no more: the end comes after what it said

	generation int32 // of fd, whose number others had before; the poller's
	unsent     bool  // a message is held; guarded by the poller's mutex

	writing  sync.Mutex    // guards the fields that follow; taken before closing
	out      []byte        // still to be written
	full     bool          // the socket has no room for it; the poller says when it has
	written  uint64        // bytes so far
	progress chan struct{} // closed when written or broken change; nil when nobody waits for that
	broken   error         // why nothing more is written
	giveUp   time.Time     // when the last words have taken too long; zero before them

	// Of whoever reads.
	in       []byte // read and not yet used
	searched int    // bytes of in that are known to have no end of a line
	tooLong  bool   // in had the start of a line that is passed over
}

// The states of reading.
const (
	quiet    int32 = iota // nobody reads
	underWay              // somebody does
	again                 // and has to look once more: something came meanwhile
)

func newStream(fd int) stream {
	return stream{fd: fd, closed: make(chan struct{})}
}

// begin reports whether the caller is to read.
func (s *stream) begin() bool {
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
// with io.EOF when the other side has ended.
func (s *stream) read(take func() error) error {
	b := buffers.Get().(*[]byte)
	defer buffers.Put(b)
	for {
		n, _, flags, _, err := unix.Recvmsg(s.fd, *b, nil, 0)
		switch {
		case err == unix.EAGAIN:
			return nil
		case err == unix.EINTR:
			continue
		case err != nil:
			return os.NewSyscallError("recvmsg", err)
		case n == 0:
			return io.EOF
		}
		s.in = append(s.in, (*b)[:n]...)
		if err := take(); err != nil {
			return err
		}
		s.keep()
		// What was sent along, descriptors say, ends a read too, unix(7); that
		// there is no room for it here tells of it.
		if n < len(*b) && flags&unix.MSG_CTRUNC == 0 && !s.ending.Load() {
			return nil
		}
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
// It fails ever after: no message follows one that is torn. What the socket has
// no room for stays in out, in order, until the poller says that there is some
// again; meanwhile the caller, who is inside the gate, is parked.
func (s *stream) write(ctx context.Context, p *poller, message []byte) error {
	end, err := s.put(p, message)
	if err != nil || s.isWritten(end) {
		return err
	}
	p.gate.park(func() { err = s.awaitWritten(ctx, end) })
	return err
}

// put writes what there is room for, after what was held, and keeps the rest of
// the message. It gives the number of bytes that are written once the message is.
func (s *stream) put(p *poller, message []byte) (end uint64, err error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.flushLocked(p)
	if len(s.out) == 0 && s.broken == nil {
		n := s.writeLocked(message)
		s.written += uint64(n)
		if message = message[n:]; len(message) == 0 {
			return s.written, nil
		}
		s.setFullLocked(p, true)
	}
	if s.broken != nil {
		return 0, s.broken
	}
	s.out = append(s.out, message...)
	return s.written + uint64(len(s.out)), nil
}

// maxHeld is how many bytes hold keeps of one connection.
const maxHeld = 16 << 10

// hold keeps a message for flush to write, unless that may take long.
func (s *stream) hold(message []byte) bool {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.broken != nil || s.full || len(s.out)+len(message) > maxHeld {
		return false
	}
	s.out = append(s.out, message...)
	return true
}

// writeLocked writes until there is no more room, and gives how much it wrote.
func (s *stream) writeLocked(b []byte) (n int) {
	for n < len(b) {
		failpoint.Here("before-reply")
		m, err := unix.Write(s.fd, b[n:])
		failpoint.Here("after-reply")
		switch err {
		case nil:
			n += m
		case unix.EINTR:
		case unix.EAGAIN:
			return n
		default:
			s.breakLocked(os.NewSyscallError("write", err))
			return n
		}
	}
	return n
}

// flush writes what was held.
func (s *stream) flush(p *poller) {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.flushLocked(p)
}

// flushLocked writes what is to be written, unless the socket is known to be full.
func (s *stream) flushLocked(p *poller) {
	if !s.full {
		s.flushMoreLocked(p)
	}
}

// room writes more. The poller calls it when there is room again.
func (s *stream) room(p *poller) {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.flushMoreLocked(p)
}

func (s *stream) flushMoreLocked(p *poller) {
	if len(s.out) == 0 || s.broken != nil {
		return
	}
	n := s.writeLocked(s.out)
	s.written += uint64(n)
	if s.out = s.out[n:]; len(s.out) == 0 {
		s.out = nil
	}
	s.setFullLocked(p, len(s.out) > 0)
	s.tellLocked()
}

// setFullLocked notes whether the socket is full. While it is, the poller says
// when there is room.
func (s *stream) setFullLocked(p *poller, full bool) {
	if s.full == full || s.broken != nil {
		return
	}
	s.full = full
	events := uint32(pollRead)
	if full {
		events = pollWrite
	}
	s.breakLocked(p.control(unix.EPOLL_CTL_MOD, s.fd, s.generation, events))
}

// rearm asks the poller for room to write what a former program could not.
func (s *stream) rearm(p *poller) {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.setFullLocked(p, len(s.out) > 0)
}

// finishWriting writes what was held before the end, or gives up when the client
// takes too long to read it. The caller is inside the gate.
func (s *stream) finishWriting(ctx context.Context, p *poller) {
	s.write(ctx, p, nil) // fails where nobody reads any more
}

// breakLocked says why nothing more is written, unless err is nil.
func (s *stream) breakLocked(err error) {
	if err == nil || s.broken != nil {
		return
	}
	s.broken = err
	s.shutdown(unix.SHUT_RDWR) // so that who reads sees it too
	s.tellLocked()
}

// tellLocked tells those who wait for out to be written.
func (s *stream) tellLocked() {
	if s.progress != nil {
		close(s.progress)
		s.progress = nil
	}
}

func (s *stream) isWritten(end uint64) bool {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.written >= end
}

// look tells whether all up to end is written, or else what is closed when there
// is news.
func (s *stream) look(end uint64) (news <-chan struct{}, err error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.written >= end {
		return nil, nil
	}
	if s.broken != nil {
		return nil, s.broken
	}
	if s.progress == nil {
		s.progress = make(chan struct{})
	}
	return s.progress, nil
}

// lastWords is how long a connection that ends waits for its client to read all
// that it still has to tell it.
const lastWords = 500 * time.Millisecond

// awaitWritten waits until all up to end is written.
func (s *stream) awaitWritten(ctx context.Context, end uint64) error {
	done := ctx.Done()
	var late <-chan time.Time
	for {
		news, err := s.look(end)
		if news == nil {
			return err
		}
		select {
		case <-news:
		case <-done:
			done, late = nil, time.After(s.timeLeft())
		case <-late:
			s.writing.Lock()
			s.breakLocked(context.Cause(ctx))
			s.writing.Unlock()
		}
	}
}

// timeLeft is how much of lastWords is left, which begins with its first call.
func (s *stream) timeLeft() time.Duration {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.giveUp.IsZero() {
		s.giveUp = time.Now().Add(lastWords)
	}
	return time.Until(s.giveUp)
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
	s.writing.Lock()
	s.breakLocked(net.ErrClosed) // the number of the descriptor is another's soon
	s.writing.Unlock()
	s.closing.Lock()
	defer s.closing.Unlock()
	unix.Close(s.fd)
	close(s.closed) // last: who waits for it wants the descriptor
}
