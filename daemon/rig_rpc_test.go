package daemon_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"virtlock/daemon/internal/virnet"
)

// rpcConn is a connection that speaks libvirt's protocol.
type rpcConn struct {
	net.Conn
	serial uint32
}

func dialRPC(t testing.TB, socket string) *rpcConn {
	t.Helper()
	return &rpcConn{Conn: dial(t, socket)}
}

func dial(t testing.TB, socket string) net.Conn {
	t.Helper()
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// lockCall is the header of a call of the lock program.
func lockCall(procedure int32) virnet.Header {
	return virnet.Header{Program: virnet.ProgramLock, Version: virnet.Version, Procedure: procedure}
}

// message makes a call of the lock program, with the next serial.
func (c *rpcConn) message(procedure int32, args virnet.Payload) []byte {
	h := lockCall(procedure)
	h.Serial = c.serial
	c.serial++
	return virnet.AppendMessage(nil, h, args.Append(nil))
}

// reply reads a message.
func (c *rpcConn) reply() ([]byte, error) {
	length := make([]byte, virnet.LengthSize)
	if _, err := io.ReadFull(c, length); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint32(length)
	if size < virnet.MinMessage || size > virnet.MaxMessage {
		return nil, fmt.Errorf("reply of %d bytes", size)
	}
	message := make([]byte, size)
	copy(message, length)
	_, err := io.ReadFull(c, message[virnet.LengthSize:])
	return message, err
}

// call calls a procedure and gives its failure, a *virnet.Error if the daemon
// answered.
func (c *rpcConn) call(procedure int32, args virnet.Payload) error {
	if _, err := c.Write(c.message(procedure, args)); err != nil {
		return err
	}
	return c.result()
}

// result reads the reply to a call.
func (c *rpcConn) result() error {
	message, err := c.reply()
	if err != nil {
		return err
	}
	header, payload := virnet.ParseHeader(message)
	if header.Status == virnet.OK {
		return nil
	}
	failure := new(virnet.Error)
	if err := failure.Decode(payload); err != nil {
		return err
	}
	return failure
}

// register registers as a guest.
func (c *rpcConn) register(pid int) error {
	return c.call(virnet.ProcRegister, registration(pid))
}

// acquire takes an exclusive lock.
func (c *rpcConn) acquire(space, name string) error {
	return c.call(virnet.ProcAcquire, virnet.Resource{Path: space, Name: name})
}

func (c *rpcConn) release(space, name string) error {
	return c.call(virnet.ProcRelease, virnet.Resource{Path: space, Name: name})
}

func registration(pid int) virnet.Register {
	return virnet.Register{UUID: [16]byte{0: 1, 15: 16}, Name: "vm", ID: 7, PID: uint32(pid)}
}

// code is libvirt's error code of a failure, 0 for none.
func code(t testing.TB, err error) virnet.ErrorCode {
	t.Helper()
	if err == nil {
		return 0
	}
	failure, ok := err.(*virnet.Error)
	if !ok {
		t.Fatalf("no answer: %v", err)
	}
	return failure.Code
}

var (
	ping = virnet.AppendPing(nil)
	pong = virnet.AppendPong(nil)
)

// answersPing reports whether the connection still lives.
func (c *rpcConn) answersPing() bool {
	if _, err := c.Write(ping); err != nil {
		return false
	}
	reply, err := c.reply()
	return err == nil && bytes.Equal(reply, pong)
}
