package lockspace

import (
	"virtlock/daemon/internal/filelock"
)

// Recorder notes down outside of this process what is granted, so that it outlives
// the process. Its methods may block and are never called under the table's mutex.
type Recorder interface {
	// Grant notes holds down and then calls commit, which grants them. It fails
	// without calling commit when they cannot be noted down. When commit fails
	// it takes the note back, and returns commit's error. What the table shows
	// (EachRecord) is not looked at between the two.
	Grant(holds []Record, commit func() error) error
	// Drop notes down that holds are given back, all or none. The kernel's locks
	// are still held meanwhile.
	Drop(holds ...uint64)
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
	// Open is the file that the kernel's lock is on. Each note has to keep it open
	// by itself: the holds before this one may be over when it is read.
	Open *filelock.File
	// Last is the ID of the last hold of a call for several, in each of them; 0
	// otherwise. The IDs of a call follow one another.
	Last uint64
}

// RecordError says that a lock could not be noted down, and was not granted.
type RecordError struct{ Err error }

func (e *RecordError) Error() string { return "note the lock down: " + e.Err.Error() }

// Unwrap gives the reason.
func (e *RecordError) Unwrap() error { return e.Err }

// unrecorded notes nothing down.
type unrecorded struct{}

func (unrecorded) Grant(_ []Record, commit func() error) error { return commit() }
func (unrecorded) Drop(...uint64)                              {}
func (unrecorded) Space(string) error                          { return nil }

// EachRecord calls f with each hold, with those of one resource one after another,
// and without those whose end was noted down. f must not block, nor call the table.
func (t *Table) EachRecord(f func(*Record)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range t.spaces {
		for _, r := range s.resources {
			for _, h := range r.holders {
				if h.noted {
					continue
				}
				f(&Record{
					ID: h.id, Lock: r.id, Request: Request{r.fullName(), r.mode, r.autocreate},
					Holder: h.Holder, Since: h.since, Open: r.lock,
				})
			}
		}
	}
}
