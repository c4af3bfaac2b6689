package lockspace

import (
	"cmp"
	"slices"
	"time"

	"virtlock/daemon/internal/filelock"
)

// queue is who waits, in order of arrival. A ticket stands in line for each
// name it wants, and for each file once it is known which that is: so it also
// keeps its place before those who want the file under another name. All lines
// have the same order, hence no two tickets ever wait for each other.
//
// Where nobody is in a ticket's way it lets others pass while it waits for
// something else. It would keep the free part of its list from the holder of the
// other part, and one would wait for the other for ever.
type queue struct {
	next    uint64
	waiting int
	byName  map[Name][]claim
	byFile  map[filelock.ID][]claim
}

// claim is a place in line.
type claim struct {
	*ticket
	mode Mode
}

// ticket is a call that waits.
type ticket struct {
	number   uint64
	holder   holder
	requests []Request
	files    []filelock.ID // of requests, zero where it is not known yet
	ready    chan struct{} // has room for one; filled when another try is worth it
	called   bool          // since its last try
	foreign  bool          // that ended at another program's lock
}

func newQueue() queue {
	return queue{byName: make(map[Name][]claim), byFile: make(map[filelock.ID][]claim)}
}

// joinLocked puts a call at the end of all its lines.
func (q *queue) joinLocked(h Holder, reqs []Request, since time.Time) *ticket {
	q.next++
	q.waiting++
	k := &ticket{
		number: q.next, holder: holder{Holder: h, since: since.UnixNano()}, requests: reqs,
		files: make([]filelock.ID, len(reqs)), ready: make(chan struct{}, 1), called: true,
	}
	for _, r := range reqs {
		q.byName[r.Name] = append(q.byName[r.Name], claim{k, r.Mode})
	}
	if h.Owner.waits == nil {
		h.Owner.waits = make(map[*ticket]struct{})
	}
	h.Owner.waits[k] = struct{}{}
	return k
}

// learnLocked notes which file the i-th request of a ticket is for.
func (q *queue) learnLocked(k *ticket, i int, id filelock.ID) {
	old := k.files[i]
	if old == id {
		return
	}
	k.files[i] = id
	if !slices.Contains(k.files, old) {
		dropClaim(q.byFile, old, k)
	}
	line := q.byFile[id]
	at, found := slices.BinarySearchFunc(line, k.number, func(c claim, n uint64) int {
		return cmp.Compare(c.number, n)
	})
	if !found { // another name of the same list may be this file's too
		q.byFile[id] = slices.Insert(line, at, claim{k, k.requests[i].Mode})
	}
}

// forgetLocked ends the line for a file that is no more: its inode number may
// be another file's next. Those who stood in it try again, except the one that
// is trying.
func (q *queue) forgetLocked(id filelock.ID, trying *ticket) {
	for _, c := range q.byFile[id] {
		for i := range c.files {
			if c.files[i] == id {
				c.files[i] = filelock.ID{}
			}
		}
		if c.ticket != trying {
			c.wake()
		}
	}
	delete(q.byFile, id)
}

// leaveLocked takes a ticket out of all its lines and calls those behind it.
func (q *queue) leaveLocked(k *ticket) {
	q.waiting--
	delete(k.holder.Owner.waits, k)
	for i, r := range k.requests {
		dropClaim(q.byName, r.Name, k)
		dropClaim(q.byFile, k.files[i], k)
	}
	for i, r := range k.requests {
		q.callLocked(r.Name, k.files[i], 0)
	}
}

func dropClaim[K comparable](lines map[K][]claim, key K, k *ticket) {
	line, ok := lines[key]
	if !ok {
		return
	}
	line = slices.DeleteFunc(line, func(c claim) bool { return c.ticket == k })
	if len(line) == 0 {
		delete(lines, key)
	} else {
		lines[key] = line
	}
}

// callLocked wakes those who may be next for a name and a file: all behind a
// number, up to the first who wants it exclusively.
func (q *queue) callLocked(n Name, id filelock.ID, behind uint64) {
	for _, line := range [2][]claim{q.byName[n], q.byFile[id]} {
		first := true
		for _, c := range line {
			if c.number <= behind {
				continue
			}
			if c.mode == Exclusive && !first {
				break
			}
			c.wake()
			if c.mode == Exclusive {
				break
			}
			first = false
		}
	}
}

func (k *ticket) wake() {
	k.called = true
	select {
	case k.ready <- struct{}{}:
	default: // it has been called already
	}
}

// overtakenLocked gives the first whom to grant a request would pass by: who came
// earlier than the ticket, or than now when that is nil, and is about to get it
// or waits for those who hold the file. f is nil when nobody does.
func (q *queue) overtakenLocked(k *ticket, r Request, id filelock.ID, f *file) *ticket {
	if q.waiting == 0 {
		return nil
	}
	for _, line := range [2][]claim{q.byName[r.Name], q.byFile[id]} {
		// Who is about to get it keeps those behind in line that cannot have
		// it at the same time.
		next := make([]Mode, 0, 2)
		for _, c := range line {
			if k != nil && c.number >= k.number {
				break
			}
			if !c.called && !c.foreign && !f.keepsOutLocked(c.mode) &&
				!slices.ContainsFunc(next, func(m Mode) bool { return conflict(m, c.mode) }) {
				continue
			}
			if conflict(c.mode, r.Mode) {
				return c.ticket
			}
			if !slices.Contains(next, c.mode) {
				next = append(next, c.mode)
			}
		}
	}
	return nil
}

// conflict reports whether two modes cannot be held side by side.
func conflict(a, b Mode) bool { return a == Exclusive || b == Exclusive }

// keepsOutLocked reports whether the file is held in a way that conflicts.
func (f *file) keepsOutLocked(m Mode) bool {
	return f != nil && slices.ContainsFunc(f.names, func(r *resource) bool { return conflict(r.mode, m) })
}

// refusedLocked notes how a ticket's try has ended, and calls those whom it lets
// pass from now on.
func (t *Table) refusedLocked(k *ticket, foreign bool) {
	stood := k.called || k.foreign
	k.called, k.foreign = false, foreign
	if foreign || !stood {
		return
	}
	for i, r := range k.requests {
		if !t.files[k.files[i]].keepsOutLocked(r.Mode) {
			t.queue.callLocked(r.Name, k.files[i], k.number)
		}
	}
}

// waitersLocked lists who waits for a resource or another name of its file.
func (q *queue) waitersLocked(r *resource) []Waiter {
	line := slices.Concat(q.byName[r.fullName()], q.byFile[r.file.id])
	slices.SortFunc(line, func(a, b claim) int { return cmp.Compare(a.number, b.number) })
	line = slices.CompactFunc(line, func(a, b claim) bool { return a.ticket == b.ticket })
	waiters := make([]Waiter, len(line))
	for i, c := range line {
		waiters[i] = Waiter{c.holder.hold(), c.mode}
	}
	return waiters
}
