package daemon

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
	"virtlock/daemon/internal/peer"
)

// conn is a connection: who is at the other end, and what it may. One goroutine
// at a time reads it and answers; calls that wait have goroutines of their own.
type conn struct {
	daemon    *Daemon
	id        uint64
	slots     *slots // where it counts
	peer      peer.Credentials
	connected time.Time
	// refusal is not nil on a connection over a limit, and the answer to its
	// only request.
	refusal error
	// patience disconnects one that is refused and does not ask.
	patience *time.Timer

	ctx   context.Context // ends with the connection
	end   context.CancelFunc
	calls sync.WaitGroup             // goroutines beside the reading one
	by    atomic.Pointer[api.Caller] // who that is for others; nil before caller

	stream

	// Of whoever reads.
	next       func(*conn) error // takes a message of its protocol out of in and answers it
	subscriber *subscriber       // nil without event.subscribe
	skipped    int               // bytes of an RPC message that were not kept in in

	mu           sync.Mutex // guards the fields that follow
	protocol     string
	registration *registration
	former       []*registration // replaced, but in use still; only who reads adds some
	gone         bool            // the client, or soon
	restricted   bool
	waits        map[*wait]struct{} // calls
	waitingFor   int                // resources that these name
}

var errClosing = errors.New("the daemon closes the connection")

func newConn(d *Daemon, s *slots, fd int, p peer.Credentials) *conn {
	c := &conn{daemon: d, slots: s, peer: p, connected: time.Now().UTC(), stream: newStream(fd)}
	c.ctx, c.end = context.WithCancel(context.Background())
	return c
}

// How long a client may take to hear that it is refused, and how many may do so
// at a time.
const (
	refusalTime = 5 * time.Second
	maxRefusals = 128
)

// meet notes a connection down that is to be served.
func (d *Daemon) meet(c *conn) {
	if c.refusal != nil {
		wait := refusalTime
		if c.slots.refusing.Add(1) > maxRefusals {
			wait = 0
		}
		c.patience = time.AfterFunc(wait, c.disconnect)
		return
	}
	d.clients.add(c)
	d.idle.touch()
	d.events.publish(api.EventClientConnected, nil, func(e *api.Event) { e.Client = c.id })
}

// part closes a connection that has ended.
func (d *Daemon) part(c *conn, why error) {
	defer d.conns.Done()
	c.close()
	if c.refusal != nil {
		c.patience.Stop() // it would keep what is closed
		c.slots.refusing.Add(-1)
		return
	}
	c.slots.giveBack()
	d.clients.remove(c)
	d.idle.touch()
	d.events.publish(api.EventClientClosed, nil, func(e *api.Event) { e.Client = c.id })
	if why != io.EOF && why != errClosing {
		d.log.Info("closed a connection", "client", c.id, "pid", c.peer.PID, "because", why)
	}
}

// ready is called by the poller when something has happened.
func (c *conn) ready(events uint32) {
	c.daemon.gate.enter()
	defer c.daemon.gate.leave()
	if events&unix.EPOLLHUP != 0 {
		c.endTied() // who reads may hang in storage, and not see it for long
	}
	if events&unix.EPOLLOUT != 0 {
		c.room(c.daemon.poller)
	}
	if events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		c.ending.Store(true)
	}
	c.serve(c.readAndAnswer)
}

// resume answers what a former program had read and not answered. The caller is
// inside the gate.
func (c *conn) resume() {
	c.serve(func() error {
		if err := c.answerAll(); err != nil {
			return err
		}
		return c.readAndAnswer()
	})
}

// serve does what there is to do first and reads and answers all that comes,
// unless somebody does already.
func (c *conn) serve(work func() error) {
	if !c.begin() {
		return
	}
	for {
		if err := work(); err != nil {
			c.daemon.part(c, err)
			return
		}
		if c.finish() {
			return
		}
		work = c.readAndAnswer
	}
}

func (c *conn) readAndAnswer() error { return c.read(c.answerAll) }

// errIncomplete says that there is no whole message yet.
var errIncomplete = errors.New("message is not complete")

// answerAll answers all messages that are whole by now.
func (c *conn) answerAll() error {
	if c.next == nil {
		if err := c.pickProtocol(c.in[0]); err != nil {
			return err
		}
	}
	for {
		switch err := c.next(c); err {
		case nil:
		case errIncomplete:
			return nil
		default:
			return err
		}
	}
}

// The protocols, as client.list names them.
const (
	libvirtProtocol = "libvirt"
	jsonProtocol    = "json"
)

func (c *conn) pickProtocol(first byte) error {
	name := ""
	switch first {
	case 0, 1, 2: // the length of a libvirt message, which has a most
		name, c.next = libvirtProtocol, (*conn).nextRPC
	case '{', ' ', '\t', '\r', '\n':
		name, c.next = jsonProtocol, (*conn).nextLine
	default:
		return errors.New("speaks neither libvirt's protocol nor JSON")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.protocol = name
	return nil
}

// close ends the connection and all that lives no longer than it: its calls
// that wait, and the locks that are tied to it. It returns when these are free.
func (c *conn) close() {
	c.end()
	c.endTied() // beside the calls: one that hangs in storage must not keep the locks
	c.daemon.gate.park(c.calls.Wait)
	c.finishWriting(c.ctx, c.daemon.poller)
	c.daemon.poller.remove(c)
	c.closeStream()
	c.endRegistrations()
}

// disconnect makes the connection end at once, and may be called by anyone at
// any time. Who serves it closes it then.
func (c *conn) disconnect() {
	c.end()
	c.shutdown(unix.SHUT_RDWR)
}

// leave makes the connection end after what it is working on and what came
// before.
func (c *conn) leave() {
	c.shutdown(unix.SHUT_RD)
	c.end()
}

// send writes one message, at once or soon. A client that does not read blocks
// only those who have something to tell it.
func (c *conn) send(message []byte) error {
	if c.daemon.poller.later(c, message) {
		return nil
	}
	return c.write(c.ctx, c.daemon.poller, message)
}

// snapshot describes the connection to others.
func (c *conn) snapshot() api.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	client := api.Client{
		ID: c.id, Protocol: c.protocol, Socket: c.slots.name, PID: c.peer.PID, UID: c.peer.UID,
		GID: c.peer.GID, Connected: c.connected, Restricted: c.restricted, Waiting: len(c.waits),
	}
	if c.registration != nil {
		owner := apiOwner(c.registration.holder.Identity)
		client.Owner = &owner
	}
	return client
}
