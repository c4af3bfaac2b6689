package daemon

import (
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// poller serves the connections that have something to say. One goroutine, the
// leader, waits for them on an epoll(7) instance and serves one after another: a
// connection costs no goroutine, a silent one nothing but its entry here.
//
// A leader that is held up, by storage or by a client that does not read, is
// followed by another one, and serves its connection to the end as an ordinary
// goroutine (law 6). Until it has come back, its followers serve nothing
// themselves: each connection that has something to say gets a goroutine of its
// own. So nobody waits longer for storage that hangs, and however many ask for
// it, than it takes to see that it does, two stallTimes.
type poller struct {
	gate  *gate // of the daemon
	epoll int
	stop  int            // an eventfd(2) that is written to at the end and never read
	pulse pulse          // for Healthy
	busy  sync.WaitGroup // the goroutines: leaders, former ones, and the watch
	wake  chan struct{}  // has room for one; wakes the watch
	ended chan struct{}  // closed at the end

	failed chan error // has room for one: why the leader gave up

	room [64]unix.EpollEvent // the leader's

	mu         sync.Mutex // guards the fields that follow
	conns      map[int32]*conn
	generation int32             // of the latest connection
	events     []unix.EpollEvent // of room, not served yet
	term       int               // of the leader; who has an older one is none any more
	thread     thread            // the leader's when it began to serve the connection
	looks      int               // at it since, by the watch
	heldUp     int               // former leaders that have not come back
	serving    bool              // the leader serves a connection
	served     uint64            // connections so far
	watching   bool              // the watch is awake
	unsent     []*conn           // that have a message held
}

// stallTime is how long the leader may serve a connection before it is looked at.
const stallTime = 2 * time.Millisecond

// quietLooks of the watch that see nobody served send it to sleep.
const quietLooks = 50

func newPoller(g *gate) (*poller, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	stop, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(epoll)
		return nil, os.NewSyscallError("eventfd", err)
	}
	pulse, err := newPulse()
	if err != nil {
		unix.Close(stop)
		unix.Close(epoll)
		return nil, err
	}
	p := &poller{
		gate: g, epoll: epoll, stop: stop, pulse: pulse, wake: make(chan struct{}, 1), ended: make(chan struct{}),
		failed: make(chan error, 1), conns: make(map[int32]*conn),
	}
	err = p.control(unix.EPOLL_CTL_ADD, stop, 0, unix.EPOLLIN)
	if err == nil {
		err = p.control(unix.EPOLL_CTL_ADD, pulse.fd, 0, pollPulse)
	}
	if err != nil {
		p.closeFiles()
		return nil, err
	}
	p.busy.Go(func() { p.lead(0) })
	p.busy.Go(p.watch)
	return p, nil
}

// Edge-triggered: who serves a connection reads until there is no more, and
// need not ask for it again.
const (
	pollRead  = unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET
	pollWrite = pollRead | unix.EPOLLOUT
)

// add serves a connection from now on, unless it fails. The leader sees the
// connection only afterwards.
func (p *poller) add(c *conn) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.generation++
	c.generation = p.generation
	if err := p.control(unix.EPOLL_CTL_ADD, c.fd, c.generation, pollRead); err != nil {
		return err
	}
	p.conns[int32(c.fd)] = c
	return nil
}

// remove ends that. The connection's descriptor is open still.
func (p *poller) remove(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.control(unix.EPOLL_CTL_DEL, c.fd, c.generation, 0) // fails only where add did
	delete(p.conns, int32(c.fd))
}

// control is epoll_ctl(2). The generation comes back with each event: one that
// was reported before its connection closed may be looked at when the number of
// the descriptor is another's.
func (p *poller) control(op, fd int, generation int32, events uint32) error {
	event := unix.EpollEvent{Events: events, Fd: int32(fd), Pad: generation}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.epoll, op, fd, &event))
}

// list lists all connections.
func (p *poller) list() []*conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]*conn, 0, len(p.conns))
	for _, c := range p.conns {
		list = append(list, c)
	}
	return list
}

// close ends the goroutines and waits for them.
func (p *poller) close() {
	close(p.ended)
	unix.Write(p.stop, []byte{1, 0, 0, 0, 0, 0, 0, 0})
	p.busy.Wait()
	p.closeFiles()
}

func (p *poller) closeFiles() {
	p.pulse.file.Close()
	unix.Close(p.stop)
	unix.Close(p.epoll)
}

// lead serves connections until another leader follows, or the end.
func (p *poller) lead(term int) {
	l := &leader{term: term}
	defer l.pin(false)
	for {
		c, events, apart := p.next(l)
		switch {
		case c == nil:
			return
		case apart:
			p.busy.Go(func() { c.ready(events) })
		default:
			c.ready(events)
		}
	}
}

// next waits for a connection with something to say, to be served apart from the
// leader if that is so. It gives nil when the caller leads no more.
func (p *poller) next(l *leader) (c *conn, events uint32, apart bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.term != l.term {
		p.heldUp--
		return nil, 0, false
	}
	p.serving = false
	for {
		if p.dueLocked() {
			p.mu.Unlock()
			p.sendHeld()
			p.mu.Lock()
		}
		if err := p.pollLocked(l); err != nil {
			p.failed <- err
			return nil, 0, false
		}
		e := p.events[0]
		if e.Fd == int32(p.stop) {
			return nil, 0, false
		}
		p.events = p.events[1:]
		if e.Fd == int32(p.pulse.fd) {
			p.pulse.feel()
			continue
		}
		if c := p.conns[e.Fd]; c != nil && c.generation == e.Pad {
			p.serveLocked()
			return c, e.Events, p.heldUp > 0
		}
		// closed in the meantime
	}
}

// pollLocked waits for events unless there are some. It gives the mutex away
// meanwhile.
func (p *poller) pollLocked(l *leader) error {
	for len(p.events) == 0 {
		p.mu.Unlock()
		n, err := unix.EpollWait(p.epoll, p.room[:], -1)
		p.mu.Lock()
		if err != nil && err != unix.EINTR {
			return os.NewSyscallError("epoll_wait", err)
		}
		p.events = p.room[:max(n, 0)]
		l.pin(n > 1)
	}
	return nil
}

// serveLocked notes that a connection is served, by the leader unless one
// before it is held up.
func (p *poller) serveLocked() {
	p.serving = p.heldUp == 0
	p.thread, p.looks = thisThread(), 0
	p.served++
	if !p.watching {
		p.watching = true
		p.wake <- struct{}{}
	}
}

// watch sees to it that a leader who is held up is followed by another one. It
// sleeps while there is nothing to do.
func (p *poller) watch() {
	look := time.NewTicker(stallTime)
	defer look.Stop()
	for {
		look.Stop()
		select {
		case <-p.wake:
		case <-p.ended:
			return
		}
		look.Reset(stallTime)
		var last uint64
		for quiet := 0; quiet < quietLooks; {
			select {
			case <-look.C:
			case <-p.ended:
				return
			}
			served := p.look(last)
			if served != last {
				quiet = 0
			} else {
				quiet++
			}
			last = served
		}
		if !p.sleep(last) {
			p.wake <- struct{}{}
		}
	}
}

// look replaces a leader who serves the same connection as at the last look and
// waits for something, as it does in storage that hangs. One that has work for so
// long, or no CPU, is not held up: to replace it would make a busy machine busier.
func (p *poller) look(last uint64) (served uint64) {
	leader, looks, served := p.lookAt(last)
	switch {
	case looks == 0:
	case looks == maxLooks || leader.waits():
		p.replace(last)
	default:
		p.sendHeld()
	}
	return served
}

// maxLooks is how often a thread that is at work is believed to be the leader's: the
// runtime may have moved the leader to another one, and given this one other work.
const maxLooks = 5

// lookAt tells for how many looks the leader has served the same connection.
func (p *poller) lookAt(last uint64) (leader thread, looks int, served uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.servesLocked(last) {
		return 0, 0, p.served
	}
	p.looks++
	return p.thread, p.looks, p.served
}

// servesLocked reports whether the leader serves a connection still. Nobody is
// held up by a gate that is shut: that is over soon, or for good.
func (p *poller) servesLocked(number uint64) bool {
	return p.serving && p.served == number && !p.gate.isShut()
}

// replace makes another the leader, unless the one that there is has come back.
func (p *poller) replace(last uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.servesLocked(last) {
		return
	}
	p.serving = false
	p.heldUp++
	p.term++
	term := p.term
	p.busy.Go(func() { p.lead(term) })
}

// sleep says that the watch sleeps until it is woken, unless somebody was
// served since the last look, or is still: who was at work then may be held up now.
func (p *poller) sleep(last uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watching = p.serving || p.served != last
	return !p.watching
}
