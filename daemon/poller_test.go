package daemon

import (
	"errors"
	"io"
	"testing"

	"golang.org/x/sys/unix"
)

// newQuietPoller makes a poller without goroutines: the test is the leader.
func newQuietPoller(t *testing.T) *poller {
	t.Helper()
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(epoll) })
	g := new(gate)
	g.enter() // as who serves is
	return &poller{
		gate: g, epoll: epoll, stop: -1, pulse: pulse{fd: -1}, wake: make(chan struct{}, 1), failed: make(chan error, 1),
		conns: make(map[int32]*conn),
	}
}

// newPair makes a stream and the socket at its other end.
func newPair(t *testing.T) (s *stream, other int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := newStream(fds[0])
	t.Cleanup(func() { p.closeStream(); unix.Close(fds[1]) })
	return &p, fds[1]
}

// newIdleConn makes a connection that nobody serves, and its other end.
func newIdleConn(t *testing.T) (c *conn, other int) {
	t.Helper()
	s, other := newPair(t)
	return &conn{stream: newStream(s.fd)}, other
}

// An event that was reported before its connection closed is not the next
// connection's, to which the kernel gives the same descriptor.
func TestEventOfAFormerConnection(t *testing.T) {
	p := newQuietPoller(t)
	former, _ := newIdleConn(t)
	if err := p.add(former); err != nil {
		t.Fatal(err)
	}
	stale := unix.EpollEvent{Events: unix.EPOLLHUP, Fd: int32(former.fd), Pad: former.generation}
	p.remove(former)
	latest := &conn{stream: newStream(former.fd)}
	if err := p.add(latest); err != nil {
		t.Fatal(err)
	}
	p.events = []unix.EpollEvent{stale, {Events: unix.EPOLLIN, Fd: stale.Fd, Pad: latest.generation}}
	if c, events, _ := p.next(new(leader)); c != latest || events != unix.EPOLLIN {
		t.Errorf("got %p with events %#x instead of %p", c, events, latest)
	}
}

// While a leader is held up its followers serve nothing themselves.
func TestFollowersOfALeaderWhoIsHeldUp(t *testing.T) {
	p := newQuietPoller(t)
	c, _ := newIdleConn(t)
	if err := p.add(c); err != nil {
		t.Fatal(err)
	}
	next := func(term int) (*conn, bool) {
		p.events = []unix.EpollEvent{{Events: unix.EPOLLIN, Fd: int32(c.fd), Pad: c.generation}}
		got, _, apart := p.next(&leader{term: term})
		return got, apart
	}
	if got, apart := next(0); got != c || apart {
		t.Errorf("the first leader: %p, apart %v", got, apart)
	}
	p.term, p.heldUp = 1, 1 // as look does
	if got, apart := next(1); got != c || !apart || p.serving {
		t.Errorf("the second leader: %p, apart %v", got, apart)
	}
	if got, _ := next(0); got != nil {
		t.Error("the first leader leads again")
	}
	if got, apart := next(1); got != c || apart {
		t.Errorf("after the first leader came back: %p, apart %v", got, apart)
	}
}

func TestPollerFails(t *testing.T) {
	p := newQuietPoller(t)
	p.epoll = -1
	p.lead(0)
	if err := <-p.failed; !errors.Is(err, unix.EBADF) {
		t.Errorf("failed with %v", err)
	}
}

// A message with descriptors ends a read(2), and is no reason to stop reading.
func TestReadGoesOnAfterDescriptors(t *testing.T) {
	s, other := newPair(t)
	rights := unix.UnixRights(other)
	for i, part := range []string{"a", "b", "c"} {
		if err := unix.Sendmsg(other, []byte(part), rights[:i%2*len(rights)], nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.read(func() error { return nil }); err != nil || string(s.in) != "abc" {
		t.Errorf("read %q, %v", s.in, err)
	}
	unix.Shutdown(other, unix.SHUT_WR)
	if err := s.read(nil); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}
