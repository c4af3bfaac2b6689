package lockspace

import (
	"context"
	"slices"
	"sync"
)

// HeldBy is one hold on a resource, which Force can take away.
type HeldBy struct {
	Lock    // with this hold as its only holder
	Holder  Holder
	Waiters int // calls that wait for the lock

	resource *resource
}

// HoldsOn lists the holds on a resource, the eldest first. It fails with a
// *NoSpaceError or a *NotLockedError.
func (t *Table) HoldsOn(n Name) ([]HeldBy, error) {
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
	return t.holdsLocked(r, func(holder) bool { return true }), nil
}

// HoldsOf lists what is held for a process, by lockspace and name: for whichever
// one has, or had, that number.
func (t *Table) HoldsOf(pid int) []HeldBy {
	var holds []HeldBy
	for part := range slices.Chunk(t.resources(), batch) {
		t.mu.Lock()
		for _, r := range part {
			holds = append(holds, t.holdsLocked(r, func(h holder) bool { return h.Identity.PID == pid })...)
		}
		t.mu.Unlock()
	}
	slices.SortStableFunc(holds, func(a, b HeldBy) int { return compareNames(a.Name, b.Name) })
	return holds
}

func (t *Table) holdsLocked(r *resource, wanted func(holder) bool) []HeldBy {
	var holds []HeldBy
	waiters := 0
	for i, h := range r.holders {
		if !wanted(h) {
			continue
		}
		if len(holds) == 0 {
			waiters = len(t.queue.waitersLocked(r))
		}
		holds = append(holds, HeldBy{
			Lock: r.snapshotOf(r.holders[i : i+1]), Holder: h.Holder, Waiters: waiters, resource: r,
		})
	}
	return holds
}

// Force takes holds away from their owners, who are not asked, for the connection
// that asks, and says of each how that went: it fails with a *NotLockedError when it
// was given back meanwhile, and with ctx's cause when that ended before the file's
// turn came. Like End it releases the files of one file system one after another and
// file systems side by side.
func (t *Table) Force(ctx context.Context, holds []HeldBy, by uint64) []error {
	failed := make([]error, len(holds))
	byDevice := make(map[uint64][]int)
	for i := range holds {
		device := holds[i].File.Device
		byDevice[device] = append(byDevice[device], i)
	}
	var wait sync.WaitGroup
	for _, indexes := range byDevice {
		wait.Go(func() {
			for _, i := range indexes {
				h := &holds[i]
				_, failed[i] = t.release(ctx, h.Holder.Owner, asked{resource: h.resource}, h.Name, cause{Forced, by})
			}
		})
	}
	wait.Wait()
	return failed
}
