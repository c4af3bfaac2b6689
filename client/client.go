package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"virtlock/client/api"
)

// Client asks one daemon. The zero value asks that of the calling user. Its
// methods may be called by several goroutines at once; its fields are to be set
// before the first call, and a Client must not be copied after it.
type Client struct {
	// Socket is the path of the daemon's socket. Empty means DefaultSocket.
	Socket string
	// Dial connects to the daemon. Nil connects to Socket.
	Dial func(context.Context) (net.Conn, error)
	// Owner is who the locks are for. What is empty is filled in by the
	// daemon: the calling process, and the name of its command.
	Owner api.Owner
	// TiedTo says what else ends the locks than the exit of the owner's
	// process. Empty means api.TiedToConnection.
	TiedTo api.TiedTo

	connecting turn           // taken by who connects
	work       sync.WaitGroup // the goroutine of a claim

	mu         sync.Mutex // guards the fields that follow; taken before that of a conn
	conn       *conn
	claim      *claim // what is not known yet of a connection before
	closed     bool
	restricted bool
	held       map[*Held]struct{} // tied to the process
}

// Close closes the connection, if there is one, and waits until the client's
// goroutines are gone. Locks that are tied to the connection are released by
// the daemon, and their Lost is closed, also that of those that it claims just
// now. Calls under way and later ones fail
// with ErrClosed. It may be called more than once and never fails; the error
// makes it an io.Closer.
func (c *Client) Close() error {
	c.mu.Lock()
	c.closed = true
	cn, cl := c.conn, c.claim
	c.mu.Unlock()
	if cl != nil {
		cl.end()
	}
	if cn != nil {
		cn.close(ErrClosed)
	}
	c.work.Wait()
	return nil
}

// call asks for one method that needs no registered owner.
func call[Resp, Req any](ctx context.Context, c *Client, method string, params Req) (Resp, error) {
	return ask[Resp](ctx, c.connect, method, params)
}

// callOwned is call for a method that needs one.
func callOwned[Resp, Req any](ctx context.Context, c *Client, method string, params Req) (Resp, error) {
	return ask[Resp](ctx, c.registered, method, params)
}

// ask calls a method on the connection that connect returns. A connection that
// turns out to be closed before anything was sent on it is replaced once.
func ask[Resp, Req any](ctx context.Context, connect func(context.Context) (*conn, error), method string, params Req) (Resp, error) {
	for again := true; ; again = false {
		var result Resp
		cn, err := connect(ctx)
		if err == nil {
			err = cn.call(ctx, method, params, &result, nil)
		}
		if again && errors.Is(err, errNotSent) {
			continue
		}
		return result, err
	}
}

// connect returns the connection, and makes one when there is none that works.
func (c *Client) connect(ctx context.Context) (*conn, error) {
	if cn, err := c.current(); err != nil || cn != nil && !cn.ended() {
		return cn, err
	}
	if err := c.connecting.take(ctx); err != nil {
		return nil, err
	}
	defer c.connecting.give()
	if cn, err := c.current(); cn != nil || err != nil {
		return cn, err
	}
	// The former one first: when nobody works on it any more it is known what has
	// to be claimed.
	c.mu.Lock()
	old := c.conn
	c.mu.Unlock()
	if old != nil {
		old.close(nil)
	}
	nc, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	cn := newConn(nc, c.path(), c.broke)
	c.mu.Lock()
	closed := c.closed
	if !closed {
		c.conn = cn
	}
	c.mu.Unlock()
	if closed {
		cn.close(ErrClosed)
		return nil, ErrClosed
	}
	return cn, nil
}

// current returns the connection if it works, or why there may be no other.
func (c *Client) current() (*conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return nil, ErrClosed
	case c.conn != nil && c.conn.works():
		return c.conn, nil
	case c.restricted:
		// A new connection would not be restricted: whoever gave up its
		// rights must not get them back by losing the connection.
		return nil, &Error{Op: "connect", Code: api.CodeRestricted, Message: "the client restricted itself"}
	}
	return nil, nil
}

// path is the socket that errors name.
func (c *Client) path() string {
	if c.Socket == "" {
		return DefaultSocket()
	}
	return c.Socket
}

// dial connects to the daemon. A full backlog (EAGAIN, see unix(7)) means that
// it is busy, not that it is gone; then it tries again until ctx is done.
func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	dial := c.Dial
	if dial == nil {
		dial = func(ctx context.Context) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", c.path())
		}
	}
	for {
		nc, err := dial(ctx)
		switch {
		case err == nil:
			return nc, nil
		case ctx.Err() != nil:
			return nil, fmt.Errorf("connect to %q: %w", c.path(), context.Cause(ctx))
		case !errors.Is(err, syscall.EAGAIN):
			return nil, &UnreachableError{Socket: c.path(), Err: err}
		}
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
}
