package client

import (
	"context"
	"fmt"
)

// enter says that a caller counts on the connection, until leave.
func (cn *conn) enter() {
	cn.mu.Lock()
	defer cn.mu.Unlock()
	cn.active++
}

func (cn *conn) leave() {
	cn.mu.Lock()
	defer cn.mu.Unlock()
	cn.active--
}

// dropUnused breaks the connection when nobody but the one caller counts on it:
// no other call is under way and no lock is tied to it.
func (cn *conn) dropUnused() {
	cn.mu.Lock()
	defer cn.mu.Unlock()
	if cn.active == 1 && len(cn.held) == 0 {
		cn.breakLocked(errUnused)
	}
}

// call sends a request and stores the result of its reply. When ctx is done
// first it returns, and late gets the reply when that comes.
func (cn *conn) call(ctx context.Context, method string, params, result any, late func(message)) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", method, context.Cause(ctx))
	}
	cn.enter()
	defer cn.leave()
	replies := make(chan message, 1)
	id, err := cn.send(ctx, method, params, func(m message) { replies <- m })
	if err != nil {
		return err
	}
	select {
	case m := <-replies:
		return m.answer(method, result)
	case <-cn.broken:
		select {
		case m := <-replies: // it came before
			return m.answer(method, result)
		default:
			return cn.brokenError(method)
		}
	case <-ctx.Done():
	}
	if cn.abandon(id, late) {
		return fmt.Errorf("%s: %w", method, context.Cause(ctx))
	}
	m := <-replies // it came at the same time, and counts for more
	return m.answer(method, result)
}

// send hands a request to the writer. receive gets the reply to the id that it
// returns.
func (cn *conn) send(ctx context.Context, method string, params any, receive func(message)) (uint64, error) {
	cn.mu.Lock()
	cn.lastID++
	id := cn.lastID
	cn.mu.Unlock()
	line, err := encode(id, method, params)
	if err != nil {
		return 0, err
	}
	cn.expect(id, receive)
	select {
	case cn.out <- line:
		return id, nil
	case <-ctx.Done():
		err = fmt.Errorf("%s: %w", method, context.Cause(ctx))
	case <-cn.broken:
		err = fmt.Errorf("%w: %w", cn.brokenError(method), errNotSent)
	}
	cn.expect(id, nil)
	return 0, err
}

// expect makes receive get the reply to a call, or nobody if it is nil.
func (cn *conn) expect(id uint64, receive func(message)) {
	cn.mu.Lock()
	defer cn.mu.Unlock()
	if receive == nil {
		delete(cn.calls, id)
		return
	}
	cn.calls[id] = receive
}

// abandon makes late get the reply instead, or nobody if it is nil. It reports
// false when the reply was handed out already.
func (cn *conn) abandon(id uint64, late func(message)) bool {
	cn.mu.Lock()
	defer cn.mu.Unlock()
	if cn.calls[id] == nil {
		return false
	}
	if late == nil {
		delete(cn.calls, id)
		return true
	}
	cn.calls[id] = late
	return true
}

// dispatch gives a reply to its call. An error that belongs to no call is about
// the connection itself.
func (cn *conn) dispatch(m message) {
	if m.Method != "" {
		return // nobody subscribed on this connection
	}
	if m.ID == nil {
		if m.Error != nil {
			cn.fail(fromWire("connect", m.Error))
		}
		return
	}
	cn.mu.Lock()
	receive := cn.calls[*m.ID]
	delete(cn.calls, *m.ID)
	cn.answered = true
	cn.mu.Unlock()
	if receive != nil {
		receive(m)
	}
}
