package lockspace

import (
	"context"

	"virtlock/daemon/internal/filelock"
)

// takeTurn waits for the file's turn, which lets one call at a time act on its
// storage. It fails only when ctx ends. Whoever takes several takes them in the
// order of compareIDs, so that no two wait for each other.
func (t *Table) takeTurn(ctx context.Context, id filelock.ID) (*file, error) {
	for {
		t.mu.Lock()
		f := t.files[id]
		if f == nil {
			f = &file{id: id}
			t.files[id] = f
		}
		wait, ok := f.tryTurnLocked()
		t.mu.Unlock()
		if ok {
			return f, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// tryTurnLocked takes the turn if nobody has it, or else gives what is closed
// when it is worth another try.
func (f *file) tryTurnLocked() (wait <-chan struct{}, ok bool) {
	if !f.busy {
		f.busy = true
		return nil, true
	}
	if f.turn == nil {
		f.turn = make(chan struct{})
	}
	return f.turn, false
}

// endTurnLocked gives the turn back, and forgets a file that nobody holds.
func (t *Table) endTurnLocked(f *file) {
	f.busy = false
	if f.turn != nil {
		close(f.turn)
		f.turn = nil
	}
	if len(f.names) == 0 {
		delete(t.files, f.id)
	}
}

func compareIDs(a, b filelock.ID) int {
	switch {
	case a == b:
		return 0
	case a.Device < b.Device, a.Device == b.Device && a.Inode < b.Inode:
		return -1
	}
	return 1
}
