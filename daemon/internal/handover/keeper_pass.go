package handover

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/daemon/internal/failpoint"
)

// Pass tells the keeper of changes, with the descriptor of a hold that has one,
// which stays the caller's. What was sent counts: the kernel keeps it until the
// keeper reads it, and the descriptor with it. Pass may be called by several at a
// time; what has to come in order has to be passed in order.
//
// It fails when the keeper is gone (ErrKeeperGone) or has not read for five
// seconds. What it has heard of then is not known: it has to be ended, and
// another one be told of everything.
func (k *Keeper) Pass(changes ...Change) error {
	for i := range changes {
		if err := k.tell(&message{Kind: kindChange, Change: &changes[i]}); err != nil {
			return err
		}
		failpoint.Here("after-keeper-message")
	}
	return nil
}

// Full tells a new keeper that it has been passed all that there is. One whose
// daemon ended before is not taken for the whole truth.
func (k *Keeper) Full() error { return k.tell(&message{Kind: kindFull}) }

// tell sends one message.
func (k *Keeper) tell(m *message) error {
	p := packets.Get().(*packet)
	defer packets.Put(p)
	p.b = m.append(p.b[:0])
	if len(p.b) > maxRecord {
		p.b = nil
		return fmt.Errorf("tell the keeper: %w", errTooLong)
	}
	var control []byte
	if m.Change != nil && m.Change.Hold != nil && m.Change.Hold.FD >= 0 {
		control = p.control
		setRight(control, m.Change.Hold.FD)
	}
	if err := k.send(p.b, control); err != nil {
		return fmt.Errorf("tell the keeper, process %d: %w", k.pid, err)
	}
	return nil
}

// packet is a message that is put together.
type packet struct{ b, control []byte }

// packets are kept, for there is one with each change.
var packets = sync.Pool{New: func() any { return &packet{control: rights()} }}

// errNotReading says that the queue to the keeper is full and stays so.
var errNotReading = errors.New("it does not read what it is sent")

func (k *Keeper) send(b, control []byte) error {
	k.using.RLock()
	defer k.using.RUnlock()
	if k.closed {
		return ErrKeeperGone
	}
	start := time.Now()
	for {
		// Waits for as long as SO_SNDTIMEO says.
		_, err := unix.SendmsgN(k.fd, b, control, nil, unix.MSG_NOSIGNAL)
		switch err {
		case nil:
			return nil
		case unix.EAGAIN:
			return errNotReading
		case unix.EPIPE, unix.ECONNRESET:
			return ErrKeeperGone
		case unix.EINTR:
		case unix.EBADF:
			// Not k.fd, which is open: the lock's descriptor was closed, because
			// nobody holds the lock any more that somebody wanted to share.
			control = nil
		case unix.ETOOMANYREFS:
			// More descriptors are under way to somebody than this user may
			// have open. They become fewer when the keeper reads.
			time.Sleep(time.Millisecond)
		default:
			return err
		}
		if time.Since(start) > k.patience {
			return err
		}
	}
}
