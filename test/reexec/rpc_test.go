package reexec

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"

	"virtlock/test/bed"
)

// The procedures of libvirt's lock program.
const (
	procRegister = 1
	procRestrict = 2
	procAcquire  = 6
	procRelease  = 7
	procSpace    = 8
)

// rpc is a client of libvirt's protocol.
type rpc struct {
	net.Conn
	serial uint32
}

func (r *rig) rpc() *rpc {
	r.t.Helper()
	c, err := r.Dial(bed.Socket)
	check(r.t, err)
	r.t.Cleanup(func() { c.Close() })
	return &rpc{Conn: c}
}

// guestRPC is the connection of a guest.
func (r *rig) guestRPC(name string, pid int) *rpc {
	r.t.Helper()
	c := r.rpc()
	check(r.t, c.call(procRegister, registerArgs(name, pid)))
	return c
}

func word(b []byte, n int) []byte { return binary.BigEndian.AppendUint32(b, uint32(n)) }

func text(b []byte, s string) []byte {
	b = append(word(b, len(s)), s...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func registerArgs(name string, pid int) []byte {
	b := make([]byte, 16) // the UUID
	b[15] = byte(pid)
	return word(word(word(text(b, name), 7), pid), 0)
}

func resourceArgs(space, name string, flags int) []byte {
	return word(text(text(nil, space), name), flags)
}

// message is a call, with the next serial.
func (c *rpc) message(procedure int, args []byte) []byte {
	c.serial++
	b := word(nil, 28+len(args))
	for _, n := range []int{0x0ea7beef, 1, procedure, 0, int(c.serial), 0} {
		b = word(b, n)
	}
	return append(b, args...)
}

// result reads the reply to the call with a serial.
func (c *rpc) result(serial uint32) error {
	c.SetReadDeadline(time.Now().Add(bed.Patience))
	head := make([]byte, 28)
	if _, err := io.ReadFull(c, head); err != nil {
		return err
	}
	rest := make([]byte, binary.BigEndian.Uint32(head)-28)
	if _, err := io.ReadFull(c, rest); err != nil {
		return err
	}
	if got := binary.BigEndian.Uint32(head[20:]); got != serial {
		return fmt.Errorf("reply to call %d, want %d", got, serial)
	}
	if status := binary.BigEndian.Uint32(head[24:]); status != 0 {
		return fmt.Errorf("status %d: %q", status, rest)
	}
	return nil
}

func (c *rpc) call(procedure int, args []byte) error {
	if _, err := c.Write(c.message(procedure, args)); err != nil {
		return err
	}
	return c.result(c.serial)
}

func (c *rpc) acquire(name string, flags int) error {
	return c.call(procAcquire, resourceArgs("", name, flags))
}

func (c *rpc) release(name string) error { return c.call(procRelease, resourceArgs("", name, 0)) }
