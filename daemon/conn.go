package daemon

import (
	"context"
	"errors"
	"sync"
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

	ctx   context.Context // ends with the connection
	end   context.CancelFunc
	calls sync.WaitGroup // goroutines beside the reading one

	stream

	// Of whoever reads.
	next       func(*conn) error // takes a message of its protocol out of in and answers it
	former     []*registration   // replaced, but in use still
	subscriber *subscriber       // nil without event.subscribe

	mu           sync.Mutex // guards the fields that follow
	protocol     string
	registration *registration
	restricted   bool
	waiting      int
}

var errClosing = errors.New("the daemon closes the connection")

func newConn(d *Daemon, s *slots, fd int, p peer.Credentials) *conn {
	c := &conn{daemon: d, slots: s, peer: p, connected: time.Now().UTC(), stream: newStream(fd)}
	c.ctx, c.end = context.WithCancel(context.Background())
	return c
}

// ready is called by the poller when something has happened.
func (c *conn) ready(events uint32) {
	if !c.begin(events) {
		return
	}
	for {
		if err := c.read(c.answerAll); err != nil {
			c.daemon.part(c, err)
			return
		}
		if c.finish() {
			return
		}
	}
}

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

func (c *conn) pickProtocol(first byte) error {
	name := ""
	switch first {
	case 0, 1, 2: // the length of a libvirt message, which has a most
		name, c.next = "libvirt", (*conn).nextRPC
	case '{', ' ', '\t', '\r', '\n':
		name, c.next = "json", (*conn).nextLine
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
	c.calls.Wait()
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

// send writes one message. A client that does not read blocks only those who
// have something to tell it.
func (c *conn) send(message []byte) error {
	return c.write(c.ctx, c.daemon.poller, message)
}

// snapshot describes the connection to others.
func (c *conn) snapshot() api.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	client := api.Client{
		ID: c.id, Protocol: c.protocol, Socket: c.slots.name, PID: c.peer.PID, UID: c.peer.UID,
		GID: c.peer.GID, Connected: c.connected, Restricted: c.restricted, Waiting: c.waiting,
	}
	if c.registration != nil {
		owner := apiOwner(c.registration.holder.Identity)
		client.Owner = &owner
	}
	return client
}
