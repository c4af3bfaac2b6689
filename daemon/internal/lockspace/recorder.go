package lockspace

import (
	"time"

	"virtlock/daemon/internal/filelock"
)

// Recorder notes down outside of this process what is granted, so that it outlives
// the process. Its methods may block and are never called under the table's mutex.
type Recorder interface {
	// Grant notes holds down and then calls commit, which grants them. It fails
	// without calling commit when they cannot be noted down. When commit fails
	// it takes the note back, and returns commit's error. What the table shows
	// (Records) is not looked at between the two.
	Grant(holds []Record, commit func() error) error
	// Drop notes down that a hold is given back. The kernel's lock is still
	// held meanwhile.
	Drop(hold uint64)
	// Space notes down that there will be a lockspace.
	Space(dir string) error
}

// Record is a hold as it is noted down.
type Record struct {
	ID   uint64 // numbers holds
	Lock uint64 // numbers resources, for as long as each is held
	Request
	Holder Holder
	Since  int64 // nanoseconds since 1970
	// Open is the file that the kernel's lock is on, First whether this hold is
	// the resource's first: then the note has to keep the file open.
	Open  *filelock.File
	First bool
}

// RecordError says that a lock could not be noted down, and was not granted.
type RecordError struct{ Err error }

func (e *RecordError) Error() string { return "note the lock down: " + e.Err.Error() }

// Unwrap gives the reason.
func (e *RecordError) Unwrap() error { return e.Err }

// unrecorded notes nothing down.
type unrecorded struct{}

func (unrecorded) Grant(_ []Record, commit func() error) error { return commit() }
func (unrecorded) Drop(uint64)                                 {}
func (unrecorded) Space(string) error                          { return nil }

// Records lists all holds, those of one resource one after another.
func (t *Table) Records() []Record {
	t.mu.Lock()
	defer t.mu.Unlock()
	records := make([]Record, 0, t.holders)
	for _, s := range t.spaces {
		for _, r := range s.resources {
			for i, h := range r.holders {
				records = append(records, Record{
					ID: h.id, Lock: r.id, Request: Request{r.fullName(), r.mode, r.autocreate},
					Holder: h.Holder, Since: h.since, Open: r.lock, First: i == 0,
				})
			}
		}
	}
	return records
}

// Numbers are the latest of those that the table gives out.
type Numbers struct{ Hold, Lock uint64 }

// Numbers tells the latest numbers.
func (t *Table) Numbers() Numbers {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.numbers
}

// Restored is a resource that a former table had.
type Restored struct {
	Lock uint64
	Request
	Open  *filelock.File // holds the kernel's lock
	Holds []RestoredHold
}

// RestoredHold is a hold on it.
type RestoredHold struct {
	ID     uint64
	Holder Holder
	Since  time.Time
}

// Begin takes over where a former table ended: its figures and lockspaces. It is
// called before anything else.
func (t *Table) Begin(n Numbers, c Counts, spaces []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.numbers, t.counts = n, c
	for _, dir := range spaces {
		t.addSpaceLocked(dir)
	}
}

// Restore puts a resource back that a former table had granted. What it knew is
// not judged again: nobody is told of a change, as there is none. It fails when
// there is no such lockspace, or the resource is held already.
func (t *Table) Restore(l Restored) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, err := t.spaceLocked(l.Space)
	if err != nil {
		return err
	}
	if s.resources[l.Name.Name] != nil {
		return &BusyError{Name: l.Name}
	}
	id := l.Open.ID()
	f := t.files[id]
	if f == nil {
		f = &file{id: id}
		t.files[id] = f
	}
	r := &resource{
		id: l.Lock, space: s, name: l.Name.Name, mode: l.Mode, autocreate: l.Autocreate, file: f, lock: l.Open,
	}
	s.resources[r.name] = r
	f.names = append(f.names, r)
	for _, h := range l.Holds {
		r.holders = append(r.holders, holder{h.Holder, h.ID, h.Since.UnixNano()})
		h.Holder.Owner.addLocked(r)
	}
	t.holders += len(l.Holds)
	return nil
}
