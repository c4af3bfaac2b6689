package lockspace

import (
	"cmp"
	"slices"
	"time"

	"virtlock/daemon/internal/filelock"
)

// Lock is a resource that is held, as it was at one moment.
type Lock struct {
	Name
	Mode       Mode
	Autocreate bool
	File       filelock.ID
	Inode      uint64
	Holders    []Hold
	More       int // holders that are not among Holders
}

// Waiter is a call that waits.
type Waiter struct {
	Hold
	Mode Mode
}

func (r *resource) fullName() Name { return Name{r.space.path, r.name} }

// someHolders are enough to say who is in the way. All are for those who ask for
// them: a file may have thousands, and each call that meets it may have to name
// them.
const someHolders = 16

// snapshot shows the resource with some of its holders.
func (r *resource) snapshot() Lock {
	l := r.snapshotOf(r.holders[:min(len(r.holders), someHolders)])
	l.More = len(r.holders) - len(l.Holders)
	return l
}

// fullSnapshot shows the resource with all of its holders.
func (r *resource) fullSnapshot() Lock { return r.snapshotOf(r.holders) }

func (r *resource) snapshotOf(holders []holder) Lock {
	l := Lock{
		Name: r.fullName(), Mode: r.mode, Autocreate: r.autocreate,
		File: r.file.id, Inode: r.lock.Inode(), Holders: make([]Hold, len(holders)),
	}
	for i, h := range holders {
		l.Holders[i] = h.hold()
	}
	return l
}

func (h holder) hold() Hold {
	return Hold{Identity: h.Identity, Client: h.Client, Since: time.Unix(0, h.since).UTC()}
}

func (f *file) snapshot() []Lock {
	locks := make([]Lock, len(f.names))
	for i, r := range f.names {
		locks[i] = r.snapshot()
	}
	return locks
}

// batch is how many locks are looked at before others get the mutex.
const batch = 256

// Locks lists what is held, by lockspace and name. Each lock is as it was at
// one moment, but not all at the same.
func (t *Table) Locks() []Lock {
	held := t.resources()
	locks := make([]Lock, 0, len(held))
	for part := range slices.Chunk(held, batch) {
		t.mu.Lock()
		for _, r := range part {
			if len(r.holders) > 0 {
				locks = append(locks, r.fullSnapshot())
			}
		}
		t.mu.Unlock()
	}
	slices.SortFunc(locks, func(a, b Lock) int { return compareNames(a.Name, b.Name) })
	return locks
}

func (t *Table) resources() []*resource {
	t.mu.Lock()
	defer t.mu.Unlock()
	var held []*resource
	for _, s := range t.spaces {
		for _, r := range s.resources {
			held = append(held, r)
		}
	}
	return held
}

func compareNames(a, b Name) int {
	return cmp.Or(cmp.Compare(a.Space, b.Space), cmp.Compare(a.Name, b.Name))
}

// Inspect shows what is held under a name, the other names under which the same
// file is held, and who waits for it, in order. It fails with a *NoSpaceError
// or a *NotLockedError. A path in the direct lockspace may be any name of a
// file that is held; that takes a look at the file and may block.
func (t *Table) Inspect(n Name) (lock Lock, aliases []Lock, waiters []Waiter, err error) {
	lock, aliases, waiters, err = t.inspect(n, filelock.ID{})
	if _, free := err.(*NotLockedError); !free || n.Space != "" || badPath(n.Name) != "" {
		return lock, aliases, waiters, err
	}
	id, ierr := filelock.Identify(n.Name)
	if ierr != nil {
		return lock, aliases, waiters, err
	}
	return t.inspect(n, id)
}

// inspect looks by name, or else by the file's identity if it is known.
func (t *Table) inspect(n Name, id filelock.ID) (lock Lock, aliases []Lock, waiters []Waiter, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, err := t.spaceLocked(n.Space)
	if err != nil {
		return lock, nil, nil, err
	}
	found := s.resources[n.Name]
	if f := t.files[id]; found == nil && f != nil && len(f.names) > 0 {
		found = f.names[0]
	}
	if found == nil {
		return lock, nil, nil, &NotLockedError{n}
	}
	for _, r := range found.file.names {
		if r != found {
			aliases = append(aliases, r.fullSnapshot())
		}
	}
	return found.fullSnapshot(), aliases, t.queue.waitersLocked(found), nil
}

// Totals is how much the table holds.
type Totals struct {
	Counts
	Spaces, Locks, Holders, Waiters int
}

// Totals counts what the table holds.
func (t *Table) Totals() Totals {
	t.mu.Lock()
	defer t.mu.Unlock()
	sum := Totals{Counts: t.counts, Spaces: len(t.spaces), Holders: t.holders, Waiters: t.queue.waiting}
	for _, s := range t.spaces {
		sum.Locks += len(s.resources)
	}
	return sum
}
