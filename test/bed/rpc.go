package bed

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// RPC is a client of libvirt's lock protocol and nothing more, written by hand:
// one call at a time.
type RPC struct {
	conn   net.Conn
	serial uint32
}

// The flags of RPC.Acquire.
const (
	RPCShared     = 1
	RPCAutocreate = 2
)

// RPCError is what the daemon answered instead of a result.
type RPCError struct {
	Code    uint32
	Message string
}

func (e *RPCError) Error() string { return fmt.Sprintf("error %d: %s", e.Code, e.Message) }

// RPCBusy is the code of what another has. It is the code, too, of a release of
// what is not locked.
const RPCBusy = 87

// ErrStray says that a daemon's message is not the reply to the only call.
var ErrStray = errors.New("a message that nobody asked for")

// The numbers of libvirt's lock program.
const (
	rpcProgram = 0x0EA7BEEF
	rpcHead    = 28 // bytes in front of each payload
	rpcLongest = 1 << 20
	rpcReply   = 1

	rpcRegister        = 1
	rpcAcquire         = 6
	rpcRelease         = 7
	rpcCreateLockspace = 8
)

// NewRPC makes a client of a connection.
func NewRPC(conn net.Conn) *RPC { return &RPC{conn: conn} }

// Close closes the connection.
func (c *RPC) Close() { c.conn.Close() }

// Register says for which process the connection asks from now on.
func (c *RPC) Register(name string, pid int) error {
	args := make([]byte, 16, 64) // a UUID
	args = xdrString(args, name)
	return c.call(rpcRegister, xdrWords(args, 1, uint32(pid), 0))
}

// CreateLockspace makes a lockspace, unless it is there.
func (c *RPC) CreateLockspace(dir string) error {
	return c.call(rpcCreateLockspace, xdrString(nil, dir))
}

// Acquire takes a lock, without waiting for it.
func (c *RPC) Acquire(space, name string, flags uint32) error {
	return c.call(rpcAcquire, xdrWords(xdrString(xdrString(nil, space), name), flags))
}

// Release gives a lock back.
func (c *RPC) Release(space, name string) error {
	return c.call(rpcRelease, xdrWords(xdrString(xdrString(nil, space), name), 0))
}

// call calls a procedure. It fails with an *RPCError if the daemon has answered
// so, with ErrStray, or with what became of the connection.
func (c *RPC) call(procedure uint32, args []byte) error {
	c.serial++
	message := xdrWords(nil, uint32(rpcHead+len(args)), rpcProgram, 1, procedure, 0, c.serial, 0)
	if err := c.conn.SetDeadline(time.Now().Add(Patience)); err != nil {
		return err
	}
	if _, err := c.conn.Write(append(message, args...)); err != nil {
		return err
	}
	var head [rpcHead]byte
	if _, err := io.ReadFull(c.conn, head[:]); err != nil {
		return err
	}
	word := func(i int) uint32 { return binary.BigEndian.Uint32(head[4*i:]) }
	if size := word(0); size < rpcHead || size > rpcLongest || word(4) != rpcReply || word(5) != c.serial {
		return fmt.Errorf("%w: % x", ErrStray, head)
	}
	payload := make([]byte, word(0)-rpcHead)
	if _, err := io.ReadFull(c.conn, payload); err != nil {
		return err
	}
	if word(6) == 0 {
		return nil
	}
	return rpcError(payload)
}

// rpcError reads the start of libvirt's error: code, domain, and a message that
// may be missing.
func rpcError(payload []byte) error {
	if len(payload) < 16 {
		return ErrStray
	}
	length := min(int(binary.BigEndian.Uint32(payload[12:])), len(payload)-16)
	return &RPCError{Code: binary.BigEndian.Uint32(payload), Message: string(payload[16 : 16+length])}
}

func xdrWords(b []byte, words ...uint32) []byte {
	for _, w := range words {
		b = binary.BigEndian.AppendUint32(b, w)
	}
	return b
}

func xdrString(b []byte, s string) []byte {
	b = append(xdrWords(b, uint32(len(s))), s...)
	return append(b, make([]byte, -len(s)&3)...)
}
