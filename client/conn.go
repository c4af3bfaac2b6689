package client

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"virtlock/client/api"
)

// errUnused is why a connection was broken by dropUnused.
var errUnused = errors.New("not used any more")

// conn is one connection. Two goroutines belong to it, one that reads and one
// that writes, so that a caller who gives up never leaves half a line behind.
// It works until the first error and is then of no use.
type conn struct {
	nc     net.Conn
	socket string
	out    chan []byte                     // whole lines, to the writer
	broken chan struct{}                   // closed by fail
	lost   func(*conn, map[*Held]struct{}) // told then of the locks that were tied to it
	work   sync.WaitGroup                  // reader, writer and what spawn started

	registering turn // taken by who registers

	mu       sync.Mutex // guards the fields that follow
	cause    error      // why it broke
	lastID   uint64
	calls    map[uint64]func(message) // by id; must not block
	active   int                      // callers that count on it
	held     map[*Held]struct{}       // tied to this connection
	answered bool                     // at least one reply came
	owner    *api.RegisterResult      // nil before it is registered
}

// newConn starts the goroutines of a connection, which end with close.
func newConn(nc net.Conn, socket string, lost func(*conn, map[*Held]struct{})) *conn {
	cn := &conn{
		nc:     nc,
		socket: socket,
		out:    make(chan []byte),
		broken: make(chan struct{}),
		lost:   lost,
		calls:  make(map[uint64]func(message)),
		held:   make(map[*Held]struct{}),
	}
	cn.work.Go(cn.read)
	cn.work.Go(cn.write)
	return cn
}

// close breaks the connection, for the given cause if it works still, and waits
// until its goroutines are gone.
func (cn *conn) close(cause error) {
	cn.fail(cause)
	cn.work.Wait()
}

// works reports whether the connection is not broken, as far as is known.
func (cn *conn) works() bool {
	select {
	case <-cn.broken:
		return false
	default:
		return true
	}
}

// ended reports whether the daemon has closed the connection, as when it was
// started anew: what is sent now would get no answer. The reader sees that a moment
// later, and ended waits for it.
func (cn *conn) ended() bool {
	sc, ok := cn.nc.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	end := false
	_ = raw.Control(func(fd uintptr) {
		n, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		end = n == 0 && err == nil
	})
	if end {
		<-cn.broken
	}
	return end
}

// fail breaks the connection. What becomes of the locks that are tied to it is
// for the client to find out.
func (cn *conn) fail(cause error) {
	cn.mu.Lock()
	held := cn.breakLocked(cause)
	cn.mu.Unlock()
	if len(held) > 0 {
		cn.lost(cn, held)
	}
}

// breakLocked marks the connection as broken, the first time it is called, and
// returns the locks that were tied to it.
func (cn *conn) breakLocked(cause error) map[*Held]struct{} {
	if !cn.works() {
		return nil
	}
	held := cn.held
	cn.cause, cn.held = cause, nil
	close(cn.broken)
	_ = cn.nc.Close() // nothing is left to be written
	return held
}

// read hands out what the daemon sends, until the connection breaks.
func (cn *conn) read() {
	lines := bufio.NewReader(cn.nc)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			cn.fail(err)
			return
		}
		m, err := decode(line)
		if err != nil {
			cn.fail(err)
			return
		}
		cn.dispatch(m)
	}
}

// write sends the lines of all calls, until the connection breaks.
func (cn *conn) write() {
	for {
		select {
		case <-cn.broken:
			return
		case line := <-cn.out:
			if _, err := cn.nc.Write(line); err != nil {
				// The daemon may have said why before it closed. The
				// reader gets that first, and then its own error.
				_ = cn.nc.SetReadDeadline(time.Now().Add(time.Second))
				return
			}
		}
	}
}

// spawn runs f in a goroutine of the connection, unless it is broken. f has to
// end when it breaks.
func (cn *conn) spawn(f func()) bool {
	cn.mu.Lock()
	defer cn.mu.Unlock()
	if !cn.works() {
		return false
	}
	cn.work.Go(f)
	return true
}

// brokenError is what a call ends with that the connection left without a
// reply.
func (cn *conn) brokenError(method string) error {
	cn.mu.Lock()
	defer cn.mu.Unlock()
	var refusal *Error
	switch {
	case errors.Is(cn.cause, ErrClosed):
		return fmt.Errorf("%s: %w", method, ErrClosed)
	case errors.As(cn.cause, &refusal):
		return refusal
	case !cn.answered:
		return unanswered(cn.socket, cn.cause)
	}
	return fmt.Errorf("%s: %w: %v", method, ErrBroken, cn.cause)
}
