package handover

import (
	"maps"
	"slices"

	"golang.org/x/sys/unix"
)

// kept is what the keeper keeps: small, for there may be tens of thousands of
// holds.
type kept struct {
	holds  map[uint64]keptHold
	locks  map[uint64]keptLock
	owners map[int32]*keptOwner // by pid
	spaces []string
	totals Totals

	unfinished unfinished // of the daemon

	living int // holds whose owner lives
	lost   int // messages

	unwatched []*keptOwner // whose end cannot be seen yet
	idle      []*keptOwner // that had no hold left for a while
	closer    closer

	// watcher makes it be told of the end of a process with that pidfd.
	watcher func(pidfd int, pid int32) error
}

// keptHold is a hold, as the daemon wrote it. It is kept until the daemon drops
// it: one whose owner has ended is still to be seen to.
type keptHold struct {
	record string
	lock   uint64
	owner  *keptOwner // nil when it has ended
}

// keptLock is a lock that a living owner holds.
type keptLock struct {
	device uint64
	fd     int32 // -1 without one
	holds  int32 // of living owners
	told   bool  // its descriptor was passed to the daemon that asked last
}

func newKept() kept {
	return kept{
		holds: make(map[uint64]keptHold), locks: make(map[uint64]keptLock),
		owners: make(map[int32]*keptOwner), closer: closer{queues: make(map[uint64][]int)},
		unfinished: make(unfinished),
	}
}

// change does what a change of the daemon's state means.
func (k *kept) change(o *order, fd int) {
	if o.hold.raw != nil {
		k.hold(&o.hold, fd)
	} else if fd >= 0 {
		unix.Close(fd)
	}
	dropped(o.drop, o.drops, k.drop)
	if space := string(o.space); space != "" && !slices.Contains(k.spaces, space) {
		k.spaces = append(k.spaces, space)
	}
	k.totals.Max(o.totals)
}

// hold keeps a hold, from now on or as it is now.
func (k *kept) hold(r *keptRecord, fd int) {
	owner := k.owner(r.pid, r.start)
	if owner != nil {
		k.take(r, fd)
	} else if fd >= 0 {
		k.closer.close(r.device, fd)
	}
	k.drop(r.id) // an older one of the same ID
	k.holds[r.id] = keptHold{record: string(r.raw), lock: r.lock, owner: owner}
	if owner != nil {
		owner.holds = append(owner.holds, r.id)
		k.living++
	}
	k.unfinished.add(r.id, r.last)
}

// take counts one more hold on a lock, and keeps the descriptor that came with
// it.
func (k *kept) take(r *keptRecord, fd int) {
	l, known := k.locks[r.lock]
	if !known {
		l.fd = -1
	}
	if fd >= 0 {
		if l.fd >= 0 {
			k.closer.close(l.device, int(l.fd))
		}
		l.fd, l.device = int32(fd), r.device
	}
	l.holds++
	k.locks[r.lock] = l
}

// drop forgets a hold.
func (k *kept) drop(id uint64) {
	h, ok := k.holds[id]
	if !ok {
		return
	}
	delete(k.holds, id)
	if h.owner != nil {
		k.leave(h.owner, id)
		k.release(h.lock)
	}
}

// release counts a living owner's hold less on a lock, which goes with the last.
func (k *kept) release(lock uint64) {
	k.living--
	l := k.locks[lock]
	if l.holds--; l.holds > 0 {
		k.locks[lock] = l
		return
	}
	delete(k.locks, lock)
	if l.fd >= 0 {
		k.closer.close(l.device, int(l.fd))
	}
}

// list lists all holds, in the order in which they were granted, to pass each
// lock's descriptor once.
func (k *kept) list() []uint64 {
	for id, l := range k.locks {
		if l.told {
			l.told = false
			k.locks[id] = l
		}
	}
	return slices.Sorted(maps.Keys(k.holds))
}

func (k *kept) counts() Kept {
	return Kept{Locks: len(k.locks), Holds: k.living, Ended: len(k.holds) - k.living, Lost: k.lost}
}
