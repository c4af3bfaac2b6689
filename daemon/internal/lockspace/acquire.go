package lockspace

import (
	"context"
	"errors"
	"time"
)

// Request is a lock that somebody wants.
type Request struct {
	Name
	Mode Mode
	// Autocreate makes the file when it is missing and removes it with the
	// last release.
	Autocreate bool
}

// Options say how far an acquire goes.
type Options struct {
	// Wait waits for as long as ctx allows, instead of trying once.
	Wait bool
	// Overtake does not look at those who wait: libvirt never waits, and a
	// guest's start must not fail because of somebody who holds nothing.
	Overtake bool
	// Queued, if not nil, is called once when the call has its place in the
	// queue, with its number there: those that came later have larger ones.
	Queued func(number uint64)
	// Park, if not nil, is what waits: it calls the function it gets, which does
	// nothing but wait, and may return later than that.
	Park func(wait func())
	// Quiet tells nobody of a refusal.
	Quiet bool
	// Since is when the call began to wait; zero for now.
	Since time.Time
	// Again says that it waited in a former table. It tells nobody of that again.
	Again bool
}

// While another program is in the way nobody tells when it is gone.
const (
	firstPoll = 20 * time.Millisecond
	lastPoll  = 500 * time.Millisecond
)

// Acquire takes all the locks or none. It fails with a *BusyError, also when
// ctx's deadline passed while it waited; with a *NameError, *NoSpaceError,
// *SameFileError or *FileError, or ErrOwnerGone, which no waiting mends; or with
// ctx's cause when ctx was cancelled.
//
// Otherwise the kernel holds the locks; it returns them, each with the hold that
// was granted and no others.
func (t *Table) Acquire(ctx context.Context, h Holder, reqs []Request, o Options) ([]Lock, error) {
	if n, twice := namedTwice(reqs); twice {
		return nil, &SameFileError{n, n}
	}
	var granted []Lock
	var err error = new(BusyError) // what one that waited before was told
	if !o.Again {
		granted, err = t.try(ctx, h, reqs, o, nil)
	}
	if busy, ok := err.(*BusyError); ok && o.Wait {
		granted, err = t.wait(ctx, h, reqs, o, busy)
	}
	if busy, ok := err.(*BusyError); ok && !o.Quiet {
		t.refused(h, busy)
	}
	return granted, err
}

// namedTwice finds a resource that a list names twice.
func namedTwice(reqs []Request) (n Name, twice bool) {
	if len(reqs) < 2 {
		return n, false
	}
	seen := make(map[Name]bool, len(reqs))
	for _, r := range reqs {
		if seen[r.Name] {
			return r.Name, true
		}
		seen[r.Name] = true
	}
	return n, false
}

// wait queues up and tries whenever it is called, until it has the locks, or
// cannot have them any more.
func (t *Table) wait(ctx context.Context, h Holder, reqs []Request, o Options, busy *BusyError) ([]Lock, error) {
	k := t.enqueue(h, reqs, busy, o)
	defer t.dequeue(k)
	poll := firstPoll
	if o.Again && o.Queued != nil {
		// It keeps its place before those who come now, even if its storage hangs.
		o.Queued(k.number)
		o.Queued = nil
	}
	for queued := o.Queued; ; queued = nil {
		// The first try is for what happened before the ticket was in line, and
		// gives it its place in the lines of files.
		granted, err := t.try(ctx, h, reqs, o, k)
		latest, ok := err.(*BusyError)
		if !ok {
			return granted, err
		}
		busy = latest
		if queued != nil {
			queued(k.number)
		}
		var timer <-chan time.Time
		if busy.Foreign != nil {
			timer = time.After(poll)
			poll = min(2*poll, lastPoll)
		}
		o.park(func() {
			select {
			case <-k.ready:
			case <-timer:
			case <-ctx.Done():
			}
		})
		if ctx.Err() != nil {
			if cause := context.Cause(ctx); !errors.Is(cause, context.DeadlineExceeded) {
				return nil, cause
			}
			return nil, busy
		}
	}
}

func (o *Options) park(wait func()) {
	if o.Park == nil {
		wait()
		return
	}
	o.Park(wait)
}

// enqueue puts a call in line.
func (t *Table) enqueue(h Holder, reqs []Request, busy *BusyError, o Options) *ticket {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !o.Again {
		t.observe(Change{Kind: Waiting, Name: busy.Name, Holder: h, By: h.Client, Busy: busy})
	}
	if o.Since.IsZero() {
		o.Since = time.Now()
	}
	return t.queue.joinLocked(h, reqs, o.Since)
}

func (t *Table) dequeue(k *ticket) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queue.leaveLocked(k)
}

func (t *Table) refused(h Holder, busy *BusyError) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counts.Refused++
	t.observe(Change{Kind: Refused, Name: busy.Name, Holder: h, By: h.Client, Busy: busy})
}

// maxMoves is how often a file may be replaced under an acquire before it gives up.
const maxMoves = 100

// try tries once, for the ticket if it is not nil.
func (t *Table) try(ctx context.Context, h Holder, reqs []Request, o Options, k *ticket) ([]Lock, error) {
	for moves := 0; ; moves++ {
		a := attempt{table: t, holder: h, options: o, ticket: k}
		a.targets, a.turns = a.targetRoom[:0], a.turnRoom[:0]
		for _, r := range reqs {
			a.targets = append(a.targets, target{Request: r})
		}
		err := a.run(ctx)
		if err != errMoved {
			return a.granted, err
		}
		if moves == maxMoves {
			return nil, &FileError{Name: reqs[0].Name, Action: "lock", Err: errMoved}
		}
	}
}
