package lockspace

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"virtlock/daemon/internal/failpoint"
)

// Release gives one of the owner's holds on each resource back, on all or none,
// whichever connection of the owner's took them and asks now.
// It fails with a *NoSpaceError, *NotLockedError or *NotHolderError; or, where it is
// for one, with ctx's cause, when that ended while it waited for the file's turn.
// Otherwise what nobody holds any more is free; it returns the locks as they are
// then.
func (t *Table) Release(ctx context.Context, h Holder, names []Name) ([]Lock, error) {
	asked, err := t.held(h.Owner, names)
	if err != nil {
		return nil, err
	}
	if len(asked) == 1 {
		left, err := t.release(ctx, h.Owner, asked[0], names[0], cause{Asked, h.Client})
		return []Lock{left}, err
	}
	t.noteDrops(asked)
	left := make([]Lock, len(asked))
	for i, a := range asked {
		// There is no way back from here, and each is freed as soon as it can be.
		var failed error
		left[i], failed = t.release(context.WithoutCancel(ctx), h.Owner, a, names[i], cause{Asked, h.Client})
		err = cmp.Or(err, failed)
	}
	return left, err
}

// asked is a hold that is to be given back.
type asked struct {
	*resource
	hold uint64 // its ID; 0 is the owner's latest
}

// noteDrops notes down the end of several holds at once, before the first of them
// ends: so a crash gives back all or none.
func (t *Table) noteDrops(list []asked) {
	ids := make([]uint64, len(list))
	t.mu.Lock()
	for i, a := range list {
		ids[i] = a.hold
		if h := a.index(a.hold); h >= 0 {
			a.holders[h].noted = true
		}
	}
	t.mu.Unlock()
	t.recorder.Drop(ids...)
}

// index is where a hold is, or -1.
func (r *resource) index(hold uint64) int {
	return slices.IndexFunc(r.holders, func(h holder) bool { return h.id == hold })
}

// held finds the holds of an owner on resources, one for each time that a resource
// is named.
func (t *Table) held(o *Owner, names []Name) ([]asked, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	found := make([]asked, 0, len(names))
	var named map[*resource]int
	if len(names) > 1 {
		named = make(map[*resource]int)
	}
	for _, n := range names {
		s, err := t.spaceLocked(n.Space)
		if err != nil {
			return nil, err
		}
		r := s.resources[n.Name]
		if r == nil {
			return nil, &NotLockedError{n}
		}
		if r.holderOf(o) < 0 {
			return nil, &NotHolderError{n, r.file.snapshot()}
		}
		if named == nil {
			return append(found, asked{resource: r}), nil
		}
		holds := r.holdsOf(o)
		if named[r] == len(holds) {
			return nil, &NotLockedError{n}
		}
		named[r]++
		found = append(found, asked{resource: r, hold: holds[len(holds)-named[r]]})
	}
	return found, nil
}

// holdsOf lists the IDs of an owner's holds, the latest last.
func (r *resource) holdsOf(o *Owner) (ids []uint64) {
	for i := range r.holders {
		if r.holders[i].Owner == o {
			ids = append(ids, r.holders[i].id)
		}
	}
	return ids
}

// release takes one hold away. The last one takes the lock along, for which it
// needs the file's turn.
func (t *Table) release(ctx context.Context, o *Owner, a asked, n Name, c cause) (Lock, error) {
	for {
		wait, ended, left, err := t.dropHold(o, a, n, c)
		if wait == nil {
			if err != nil {
				return left, err
			}
			if !ended.noted {
				t.recorder.Drop(ended.id)
			}
			if len(left.Holders) == 0 {
				t.free(a.resource)
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
func (t *Table) dropHold(o *Owner, a asked, n Name, c cause) (wait <-chan struct{}, ended holder, left Lock, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := a.resource
	i := r.index(a.hold)
	if i < 0 {
		i = r.holderOf(o) // another call of this owner may have had that one
	}
	if i < 0 {
		return nil, ended, left, &NotLockedError{n}
	}
	last := len(r.holders) == 1
	if last {
		if r.file.busy {
			return r.file.turnEndLocked(), ended, left, nil
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
	return nil, h, r.snapshot(), nil
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
		if _, err := t.release(context.Background(), o, asked{resource: r}, r.fullName(), c); err != nil {
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
