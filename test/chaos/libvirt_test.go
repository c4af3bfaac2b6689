package chaos

import (
	"errors"
	"net"
	"os"
	"time"

	"virtlock/client/api"
	"virtlock/test/bed"
)

// libvirt takes locks as libvirtd does: on a connection for each call.
type libvirt struct{ *worker }

// rpcStops is the code of a daemon that stops, which does nothing any more.
const rpcStops = 9

func newLibvirt(w *worker) taker { return libvirt{w} }

// call registers and does something on a new connection. It fails with errBroken,
// or an *bed.RPCError.
func (l libvirt) call(do func(*bed.RPC) error) error {
	conn, err := net.Dial("unix", bed.Socket)
	if err != nil {
		return errBroken
	}
	c := bed.NewRPC(conn)
	defer c.Close()
	if err := l.counted(c.Register("chaos", os.Getpid())); err != nil {
		return err
	}
	return l.counted(do(c))
}

// counted counts a request and what became of it.
func (l libvirt) counted(err error) error {
	l.count(requests)
	refused, answered := errors.AsType[*bed.RPCError](err)
	switch {
	case answered && refused.Code == rpcStops:
		l.count(replies)
		return errStops
	case err == nil, answered:
		l.count(replies)
		return err
	case errors.Is(err, bed.ErrStray):
		l.board.violation("worker %d: %v", l.number, err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		l.board.violation("worker %d: no answer and no end", l.number)
	}
	l.count(ends)
	return errBroken
}

func (l libvirt) turn(want []wanted) {
	want = want[:1]
	r := want[0]
	flags := uint32(0)
	if r.Mode == api.Shared {
		flags |= bed.RPCShared
	}
	if r.Autocreate {
		flags |= bed.RPCAutocreate
	}
	began, sent := time.Now(), false
	err := l.call(func(c *bed.RPC) error {
		sent = true
		return c.Acquire(r.Lockspace, r.Name, flags)
	})
	refused, answered := errors.AsType[*bed.RPCError](err)
	switch {
	case err == nil:
		l.granted(began)
	case answered && refused.Code == bed.RPCBusy, errors.Is(err, errStops):
		l.count(refusals)
		return
	case answered:
		l.board.violation("worker %d: acquire: %v", l.number, err)
		return
	case !sent:
		return
	default:
		l.count(unknown)
		if !l.isHeld(want) {
			return
		}
		l.count(unknownHeld)
	}
	clear := l.hold(want)
	l.pause(20 * time.Millisecond)
	clear()
	l.release(want)
}

// release asks until it knows that the lock is released.
func (l libvirt) release(want []wanted) {
	for began := time.Now(); ; l.pause(4 * time.Millisecond) {
		err := l.call(func(c *bed.RPC) error { return c.Release(want[0].Lockspace, want[0].Name) })
		switch {
		case err == nil, broke(err) && !l.isHeld(want):
			l.count(releases)
			return
		case !broke(err), time.Since(began) > tooLong:
			l.board.violation("worker %d: release: %v", l.number, err)
			return
		}
	}
}
