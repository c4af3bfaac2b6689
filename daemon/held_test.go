package daemon

import (
	"bytes"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// newLed makes a poller whose leader, the test, serves a connection while another
// has something to say, and connections with their other ends.
func newLed(t *testing.T, n int) (p *poller, conns []*conn, others []int) {
	t.Helper()
	p = newQuietPoller(t)
	for range n {
		c, other := newIdleConn(t)
		c.daemon = &Daemon{poller: p}
		if err := p.add(c); err != nil {
			t.Fatal(err)
		}
		conns, others = append(conns, c), append(others, other)
	}
	p.serving = true
	p.events = []unix.EpollEvent{{Events: unix.EPOLLIN, Fd: int32(conns[0].fd), Pad: conns[0].generation}}
	return p, conns, others
}

// heard is what has come at the other end of a connection.
func heard(t *testing.T, other int) string {
	t.Helper()
	b := make([]byte, 1<<20)
	n, err := unix.Read(other, b)
	if err == unix.EAGAIN {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

func TestHeldMessagesAreSentTogether(t *testing.T) {
	p, conns, others := newLed(t, 2)
	for i, c := range []*conn{conns[0], conns[1], conns[0]} {
		if !p.later(c, []byte{byte('a' + i)}) {
			t.Fatalf("message %d is not held", i)
		}
	}
	if first := heard(t, others[0]); first != "" {
		t.Errorf("%q is sent at once", first)
	}
	if c, _, _ := p.next(new(leader)); c != conns[0] {
		t.Fatal("there is another event")
	}
	if first := heard(t, others[0]); first != "" {
		t.Errorf("%q is sent before all that came was served", first)
	}
	p.events = nil
	unix.Write(others[1], []byte("x")) // for next to return
	p.gate.leave()                     // as the leader is between connections
	p.next(new(leader))
	p.gate.enter()
	if first, second := heard(t, others[0]), heard(t, others[1]); first != "ac" || second != "b" {
		t.Errorf("got %q and %q", first, second)
	}
	if slices.ContainsFunc(conns, func(c *conn) bool { return c.unsent }) || len(p.unsent) != 0 {
		t.Error("something is held still")
	}
}

func TestNothingIsHeldWithoutALeaderWhoComesBack(t *testing.T) {
	p, conns, others := newLed(t, 1)
	c := conns[0]
	p.serving = false
	if p.later(c, []byte("a")) {
		t.Error("held by a leader who is held up")
	}
	p.serving, p.events = true, nil
	if p.later(c, []byte("a")) {
		t.Error("held for nobody")
	}
	p.events = make([]unix.EpollEvent, 1)
	if p.later(c, make([]byte, maxHeld+1)) {
		t.Error("a long message is held")
	}
	if !p.later(c, []byte("a")) {
		t.Fatal("a message is not held")
	}
	// One that is not held follows those that are.
	if err := c.write(t.Context(), p, []byte("b")); err != nil {
		t.Error(err)
	}
	if got := heard(t, others[0]); got != "ab" {
		t.Errorf("got %q", got)
	}
}

// What one has to hear does not wait for another's storage.
func TestWhatIsHeldWhenTheLeaderIsHeldUp(t *testing.T) {
	p, conns, others := newLed(t, 2)
	if !p.later(conns[1], []byte("a")) {
		t.Fatal("a message is not held")
	}
	p.serving, p.heldUp, p.term = false, 1, 1 // as look does
	if c, _, apart := p.next(&leader{term: 1}); c != conns[0] || !apart {
		t.Error("the next leader does not serve apart")
	}
	if got := heard(t, others[1]); got != "a" {
		t.Errorf("got %q", got)
	}
}

// A leader that is busy for long is none that is held up, but nobody waits for it.
func TestLookAtABusyLeader(t *testing.T) {
	p, conns, others := newLed(t, 1)
	if !p.later(conns[0], []byte("a")) {
		t.Fatal("a message is not held")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p.thread, p.served = thisThread(), 7
	for looks := 1; looks < maxLooks; looks++ {
		p.look(7) // who looks runs
		if p.term != 0 {
			t.Fatal("a leader at work was replaced")
		}
	}
	if got := heard(t, others[0]); got != "a" {
		t.Errorf("got %q", got)
	}
	p.epoll = -1 // the next leader ends at once
	p.look(7)
	p.busy.Wait()
	if p.term != 1 {
		t.Error("a leader was not replaced that may have been moved to another thread")
	}
}

// One that waits is replaced with the first look.
func TestLookAtALeaderThatWaits(t *testing.T) {
	p, _, _ := newLed(t, 1)
	p.thread, p.served, p.epoll = 0, 7, -1 // there is no such thread
	p.look(6)
	if p.term != 0 {
		t.Error("a leader was replaced that serves another connection by now")
	}
	p.look(7)
	p.busy.Wait()
	if p.term != 1 {
		t.Error("a leader was not replaced that waits")
	}
}

func TestTheWatchDoesNotSleepWhileALeaderServes(t *testing.T) {
	p, _, _ := newLed(t, 1)
	p.served, p.watching = 7, true
	if p.sleep(7) || !p.watching {
		t.Error("it sleeps while a connection is served")
	}
	p.serving = false
	if !p.sleep(7) || p.watching {
		t.Error("it does not sleep when nobody is served")
	}
}

// The end of a connection does not swallow what was held for it.
func TestWhatIsHeldAtTheEnd(t *testing.T) {
	p, conns, others := newLed(t, 1)
	c := conns[0]
	c.ctx, c.end = t.Context(), func() {}
	long := bytes.Repeat([]byte("a"), maxHeld)
	if !p.later(c, long) {
		t.Fatal("a message is not held")
	}
	c.finishWriting(c.ctx, p)
	if got := heard(t, others[0]); got != string(long) {
		t.Errorf("got %d bytes", len(got))
	}
}

// What came before the end is answered, whether both came with one event or not.
func TestReadToTheEnd(t *testing.T) {
	s, other := newPair(t)
	unix.Write(other, []byte("a"))
	if err := s.read(func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	unix.Write(other, []byte("b"))
	unix.Shutdown(other, unix.SHUT_WR)
	s.ending.Store(true) // as ready does
	if err := s.read(func() error { return nil }); err == nil || string(s.in) != "ab" {
		t.Errorf("read %q, %v", s.in, err)
	}
}

func TestThreadThatWaits(t *testing.T) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	numbers, ended := make(chan thread), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread()
		numbers <- thisThread()
		unix.Read(pipe[0], make([]byte, 1))
	}()
	reader := <-numbers
	for began := time.Now(); !reader.waits(); {
		if time.Since(began) > 20*time.Second {
			t.Fatal("a thread that waits for a pipe is at work")
		}
		runtime.Gosched()
	}
	unix.Close(pipe[1])
	<-ended
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if thisThread().waits() {
		t.Error("who looks at itself waits")
	}
	if !thread(0).waits() {
		t.Error("a thread that there is not is at work")
	}
}
