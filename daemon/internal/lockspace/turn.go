package lockspace

import (
	"cmp"
	"context"

	"virtlock/daemon/internal/filelock"
)

// takeTurns waits until nobody has the turn of any of the files, and takes them
// all at once. A turn lets one call at a time act on a file's storage. Who waits
// has none: so no two calls wait for each other, and a file that hangs holds up
// those who want that file. It fails only when ctx ends, and takes the turns
// that are free then. It appends to turns.
func (t *Table) takeTurns(ctx context.Context, ids []filelock.ID, turns []*file) ([]*file, error) {
	for {
		t.mu.Lock()
		wait := t.busyLocked(ids)
		if wait == nil {
			turns = t.freeTurnsLocked(ids, turns)
		}
		t.mu.Unlock()
		if wait == nil {
			return turns, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			t.mu.Lock()
			defer t.mu.Unlock()
			return t.freeTurnsLocked(ids, turns), context.Cause(ctx)
		}
	}
}

// busyLocked gives what is closed when the first busy file's turn ends; nil
// when none is busy.
func (t *Table) busyLocked(ids []filelock.ID) <-chan struct{} {
	for _, id := range ids {
		if f := t.files[id]; f != nil && f.busy {
			return f.turnEndLocked()
		}
	}
	return nil
}

// freeTurnsLocked takes the turns that nobody has.
func (t *Table) freeTurnsLocked(ids []filelock.ID, turns []*file) []*file {
	for _, id := range ids {
		f := t.files[id]
		if f == nil {
			f = &file{id: id}
			t.files[id] = f
		}
		if !f.busy {
			f.busy = true
			turns = append(turns, f)
		}
	}
	return turns
}

// turnEndLocked gives what is closed when the file's turn ends.
func (f *file) turnEndLocked() <-chan struct{} {
	if f.turn == nil {
		f.turn = make(chan struct{})
	}
	return f.turn
}

// endTurnLocked gives the turn back, and forgets a file that nobody holds. by is
// the ticket whose try ends with it, if any.
func (t *Table) endTurnLocked(f *file, by *ticket) {
	f.busy = false
	if f.turn != nil {
		close(f.turn)
		f.turn = nil
	}
	if len(f.names) > 0 {
		return
	}
	delete(t.files, f.id)
	if f.gone {
		t.queue.forgetLocked(f.id, by)
	}
}

func compareIDs(a, b filelock.ID) int {
	return cmp.Or(cmp.Compare(a.Device, b.Device), cmp.Compare(a.Inode, b.Inode))
}
