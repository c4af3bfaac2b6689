package handover

import (
	"golang.org/x/sys/unix"
)

// most is how many messages the keeper reads before it looks for owners that
// have ended: more than fit into the queue of its socket.
const most = 4096

// drain reads what the daemon has said, as long as it hears the answers.
func (k *keeper) drain() {
	for range most {
		if k.conn < 0 || k.letGo || !k.flush() {
			return
		}
		b, fd, whole, err := k.in.receive(k.conn, unix.MSG_DONTWAIT)
		switch {
		case err == unix.EAGAIN:
			return
		case err != nil:
			k.disconnected()
			return
		}
		k.obey(b, fd, whole)
	}
}

// obey does what a message says.
func (k *keeper) obey(b []byte, fd int, whole bool) {
	var o order
	if o.read(b) != nil {
		o, whole = order{}, false
	}
	if !whole {
		k.lost++
	}
	switch o.kind {
	case kindHello:
		k.tellAll()
	case kindChange:
		k.busy = true
		k.change(&o, fd)
		return // fd is the lock's
	case kindAsk:
		counts := k.counts()
		k.out.say(&message{Kind: kindKept, Number: o.number, Kept: &counts})
	case kindLetGo:
		k.letGo = true
	case kindFull:
		k.full = true
	}
	if fd >= 0 {
		unix.Close(fd)
	}
}

// tellAll begins to tell the daemon of everything.
func (k *keeper) tellAll() {
	k.out.say(&message{Kind: kindChange, Change: &Change{Totals: k.totals}})
	for _, space := range k.spaces {
		k.out.say(&message{Kind: kindChange, Change: &Change{Space: space}})
	}
	k.out.holds = k.list()
	k.out.then = &message{Kind: kindAll}
	if k.full {
		k.out.then.Number = complete
	}
}

// flush tells the daemon what is to be told. It reports whether that was all:
// who does not listen is not listened to either.
func (k *keeper) flush() bool {
	k.out.crowded = false
	for {
		b, control, done := k.out.next(&k.kept)
		if done {
			k.expect(unix.EPOLLIN)
			return true
		}
		_, err := unix.SendmsgN(k.conn, b, control, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		switch err {
		case nil:
			k.out.sent(&k.kept)
		case unix.EINTR:
		case unix.EAGAIN:
			k.expect(unix.EPOLLOUT)
			return false
		case unix.ETOOMANYREFS: // too many descriptors are under way: later
			k.out.crowded = true
			k.expect(0)
			return false
		default:
			// The daemon has gone. What it had said is still to be read.
			k.out = outbox{}
		}
	}
}
