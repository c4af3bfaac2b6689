package lockspace

import (
	"context"
	"slices"
	"sync"

	"virtlock/daemon/internal/failpoint"
)

// Release gives one of the owner's holds on each resource back, on all or none,
// whichever connection of the owner's took them and asks now.
// It fails with a *NoSpaceError, *NotLockedError or *NotHolderError; or with
// ctx's cause, when that ended while it waited for a file's turn, and those named
// before are free. Otherwise what nobody holds any more is free; it returns the
// locks as they are then.
func (t *Table) Release(ctx context.Context, h Holder, names []Name) ([]Lock, error) {
	held, err := t.held(h.Owner, names)
	if err != nil {
		return nil, err
	}
	left := make([]Lock, len(held))
	for i, r := range held {
		if left[i], err = t.release(ctx, h.Owner, r, names[i], cause{Asked, h.Client}); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// held finds the resources, each held by the owner as often as it is named.
func (t *Table) held(o *Owner, names []Name) ([]*resource, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	found := make([]*resource, 0, len(names))
	for _, n := range names {
		s, err := t.spaceLocked(n.Space)
		if err != nil {
			return nil, err
		}
		r := s.resources[n.Name]
		if r == nil {
			return nil, &NotLockedError{n}
		}
		if r.holdsOf(o) == 0 {
			return nil, &NotHolderError{n, r.file.snapshot()}
		}
		found = append(found, r)
	}
	if len(found) > 1 {
		named := make(map[*resource]int)
		for i, r := range found {
			if named[r]++; named[r] > r.holdsOf(o) {
				return nil, &NotLockedError{names[i]}
			}
		}
	}
	return found, nil
}

func (r *resource) holdsOf(o *Owner) (n int) {
	for i := range r.holders {
		if r.holders[i].Owner == o {
			n++
		}
	}
	return n
}

// release takes one hold away. The last one takes the lock along, for which it
// needs the file's turn.
func (t *Table) release(ctx context.Context, o *Owner, r *resource, n Name, c cause) (Lock, error) {
	for {
		wait, hold, left, err := t.dropHold(o, r, n, c)
		if wait == nil {
			if err != nil {
				return left, err
			}
			t.recorder.Drop(hold)
			if len(left.Holders) == 0 {
				t.free(r)
			}
			return left, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return Lock{}, context.Cause(ctx)
		}
	}
}

// dropHold takes one hold away, or gives what to wait for before it can. After
// the last hold the resource is out of the table, and the caller has its file's
// turn and frees it.
func (t *Table) dropHold(o *Owner, r *resource, n Name, c cause) (wait <-chan struct{}, hold uint64, left Lock, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := r.holderOf(o)
	if i < 0 {
		return nil, 0, left, &NotLockedError{n} // another call of this owner was faster
	}
	last := len(r.holders) == 1
	if last {
		if r.file.busy {
			return r.file.turnEndLocked(), 0, left, nil
		}
		r.file.busy = true
	}
	h := r.holders[i]
	r.holders = slices.Delete(r.holders, i, i+1)
	o.removeLocked(r)
	t.holders--
	t.counts.Released++
	t.changedLocked(Released, r, h.Holder, c)
	if last {
		delete(r.space.resources, r.name)
		r.file.names = slices.DeleteFunc(r.file.names, func(x *resource) bool { return x == r })
	}
	return nil, h.id, r.snapshot(), nil
}

// free gives the kernel's lock of a resource back, whose last hold is gone and
// whose file's turn the caller has, and calls those who wait for it.
func (t *Table) free(r *resource) {
	failpoint.Here("before-unlock")
	gone, err := retire(r.place(), r.lock, r.autocreate)
	failpoint.Here("after-unlock")
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.observe(Change{Kind: FileKept, Name: r.fullName(), Err: err})
	}
	r.file.gone = gone
	t.endTurnLocked(r.file, nil)
	t.queue.callLocked(r.fullName(), r.file.id, 0)
}

// End says that an owner is gone: it gets nothing any more, its calls that wait
// fail with ErrOwnerGone, and all it holds is released. End returns when that
// is done. Files of one file system are released one after another and file
// systems side by side, so that one that hangs keeps its own files only.
func (t *Table) End(o *Owner, why Reason) {
	var wait sync.WaitGroup
	for _, held := range t.endOwner(o) {
		wait.Go(func() {
			for _, r := range held {
				t.releaseAll(o, r, cause{why: why})
			}
		})
	}
	wait.Wait()
}

// releaseAll takes all holds of an owner on a resource away.
func (t *Table) releaseAll(o *Owner, r *resource, c cause) {
	for {
		if _, err := t.release(context.Background(), o, r, r.fullName(), c); err != nil {
			return // it has none any more
		}
	}
}

// endOwner marks an owner as gone and lists what it holds by file system.
func (t *Table) endOwner(o *Owner) map[uint64][]*resource {
	t.mu.Lock()
	defer t.mu.Unlock()
	o.gone = true
	for k := range o.waits {
		k.wake()
	}
	byDevice := make(map[uint64][]*resource)
	for r := range o.holds {
		byDevice[r.file.id.Device] = append(byDevice[r.file.id.Device], r)
	}
	return byDevice
}
