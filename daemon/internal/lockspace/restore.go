package lockspace

import (
	"context"
	"errors"
	"time"

	"virtlock/daemon/internal/filelock"
)

// Numbers are the latest of those that the table gives out.
type Numbers struct{ Hold, Lock uint64 }

// Figures tells the latest numbers, and what was counted so far.
func (t *Table) Figures() (Numbers, Counts) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.numbers, t.counts
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
// called before anything else. So many holds are to be restored.
func (t *Table) Begin(n Numbers, c Counts, spaces []string, holds int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.files = make(map[filelock.ID]*file, holds)
	t.spaces[""].resources = make(map[string]*resource, holds)
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
		r.holders = append(r.holders, holder{Holder: h.Holder, id: h.ID, since: h.Since.UnixNano()})
		h.Holder.Owner.addLocked(r)
	}
	t.holders += len(l.Holds)
	return nil
}

// Relock takes the kernel's lock of a resource that is held, where the kernel had
// not given it, or only a weaker one, or it is not known. It fails with a *NotLockedError, a *BusyError
// or a *FileError, or with ctx's cause.
func (t *Table) Relock(ctx context.Context, n Name) error {
	for {
		r, err := t.heldResource(n)
		if err != nil {
			return err
		}
		turns, err := t.takeTurns(ctx, []filelock.ID{r.file.id}, nil)
		if err == nil && t.isHeld(r) {
			err = relock(n, r)
			t.endTurns(turns)
			return err
		}
		t.endTurns(turns)
		if err != nil {
			return err
		}
	}
}

func relock(n Name, r *resource) error {
	err := r.lock.Reassert(r.mode)
	if foreign, ok := errors.AsType[*filelock.LockedError](err); ok {
		return &BusyError{Name: n, Foreign: foreign}
	}
	if err != nil {
		return &FileError{Name: n, Action: "lock", Err: err}
	}
	return nil
}

func (t *Table) heldResource(n Name) (*resource, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, err := t.spaceLocked(n.Space)
	if err != nil {
		return nil, err
	}
	r := s.resources[n.Name]
	if r == nil {
		return nil, &NotLockedError{n}
	}
	return r, nil
}

func (t *Table) isHeld(r *resource) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return r.space.resources[r.name] == r
}

func (t *Table) endTurns(turns []*file) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range turns {
		t.endTurnLocked(f, nil)
	}
}
