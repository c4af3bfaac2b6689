package daemon

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
	"virtlock/daemon/internal/peer"
)

// conn is a connection: bytes in, bytes out, and who is at the other end. One
// goroutine reads it and answers; calls that wait have goroutines of their own.
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

	socket *net.UnixConn
	raw    syscall.RawConn
	write  sync.Mutex // held while a message is written, so that none is torn

	// Of the reading goroutine.
	in     []byte // read and not yet used
	used   bool   // something was, since the last reading
	buffer *[]byte
	got    int
	rderr  error
	fill   func(fd uintptr) bool // readOnce, made once
	former []*registration       // replaced, but in use still

	mu           sync.Mutex // guards the fields that follow
	protocol     string
	registration *registration
	restricted   bool
	waiting      int
}

var errClosing = errors.New("the daemon closes the connection")

func newConn(d *Daemon, s *slots, socket *net.UnixConn, p peer.Credentials) (*conn, error) {
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, err
	}
	c := &conn{daemon: d, slots: s, peer: p, connected: time.Now().UTC(), socket: socket, raw: raw}
	c.ctx, c.end = context.WithCancel(context.Background())
	c.fill = c.readOnce
	return c, nil
}

// serve answers requests until the connection or the daemon ends.
func (c *conn) serve() error {
	if err := c.more(); err != nil {
		return err
	}
	switch c.in[0] {
	case 0, 1, 2: // the length of a libvirt message, which has a most
		c.setProtocol("libvirt")
		return c.serveRPC()
	case '{', ' ', '\t', '\r', '\n':
		c.setProtocol("json")
		return c.serveJSON()
	}
	return errors.New("speaks neither libvirt's protocol nor JSON")
}

func (c *conn) setProtocol(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.protocol = name
}

// close ends the connection and all that lives no longer than it: its calls
// that wait, and the locks that are tied to it. It returns when these are free.
func (c *conn) close() {
	c.end()
	c.socket.Close()
	c.calls.Wait()
	c.releaseBuffer()
	c.endRegistrations()
}

// disconnect makes the connection end, and may be called by anyone. Who serves
// it closes it then.
func (c *conn) disconnect() {
	c.end()
	c.socket.Close()
}

// buffers hold what was read only while it is worked on, so that a connection
// that says nothing has none.
var buffers = sync.Pool{New: func() any { b := make([]byte, 16<<10); return &b }}

// more waits until at least one more byte has come and appends what there is to
// c.in. Memory follows the bytes that came, whatever length was announced.
func (c *conn) more() error {
	if c.buffer != nil || c.used {
		c.in = append([]byte(nil), c.in...) // out of the buffer, or of a long message
		c.used = false
		c.releaseBuffer()
	}
	if err := c.raw.Read(c.fill); err != nil {
		return err
	}
	if c.rderr != nil {
		return c.rderr
	}
	if c.got == 0 {
		return io.EOF
	}
	if len(c.in) == 0 {
		c.in = (*c.buffer)[:c.got]
		return nil
	}
	c.in = append(c.in, (*c.buffer)[:c.got]...)
	c.releaseBuffer()
	return nil
}

// use takes the first n bytes of what was read. They are the caller's until it
// asks for more.
func (c *conn) use(n int) []byte {
	used := c.in[:n]
	c.in, c.used = c.in[n:], true
	return used
}

// readOnce reads once, or reports that there is nothing to read yet.
func (c *conn) readOnce(fd uintptr) bool {
	b := buffers.Get().(*[]byte)
	for {
		c.got, c.rderr = unix.Read(int(fd), *b)
		if c.rderr != unix.EINTR {
			break
		}
	}
	if c.rderr == unix.EAGAIN {
		buffers.Put(b)
		return false
	}
	c.got = max(c.got, 0)
	c.buffer = b
	return true
}

func (c *conn) releaseBuffer() {
	if c.buffer != nil {
		buffers.Put(c.buffer)
		c.buffer = nil
	}
}

// send writes one message. A client that does not read blocks only those who
// have something to tell it.
func (c *conn) send(message []byte) error {
	c.write.Lock()
	defer c.write.Unlock()
	_, err := c.socket.Write(message)
	return err
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
