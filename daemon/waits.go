package daemon

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"virtlock/client/api"
	"virtlock/daemon/internal/lockspace"
)

// wait is a call of lock.acquire that waits.
type wait struct {
	request      json.RawMessage // its id
	registration *registration
	wanted       []lockspace.Request
	since        time.Time
	deadline     time.Time // zero when it waits for ever
	number       uint64    // in the table's queue; 0 before it is there
}

// What of one connection may wait.
const (
	maxWaiting    = 64               // calls
	maxWaitingFor = api.MaxResources // resources that these name together
)

// maxWaitMS is the longest wait that its deadline can tell: 100 years.
const maxWaitMS = int64(100 * 365 * 24 * time.Hour / time.Millisecond)

// beginWait counts a call that may wait, and the resources that it names. It
// fails with a *limitError.
func (c *conn) beginWait(w *wait) error {
	const hint = "wait for some of them to end"
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case len(c.waits) == maxWaiting:
		return &limitError{fmt.Sprintf("too many calls of this connection wait, at most %d", maxWaiting), hint}
	case c.waitingFor+len(w.wanted) > maxWaitingFor:
		return &limitError{fmt.Sprintf("the calls of this connection that wait name too many resources, at most %d", maxWaitingFor), hint}
	}
	if c.waits == nil {
		c.waits = make(map[*wait]struct{})
	}
	c.waits[w] = struct{}{}
	c.waitingFor += len(w.wanted)
	return nil
}

func (c *conn) endWait(w *wait) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waits, w)
	c.waitingFor -= len(w.wanted)
}

// waitFor takes locks and answers, beside the calls that follow. It returns when
// the call has its place in the queue.
func (c *conn) waitFor(w *wait, o lockspace.Options) {
	c.spawn(func(ctx context.Context, queued func()) {
		defer c.endWait(w)
		if !w.deadline.IsZero() {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, w.deadline)
			defer cancel()
		}
		o.Wait, o.Since, o.Park = true, w.since, c.daemon.gate.park
		o.Queued = func(number uint64) {
			w.number = number
			queued()
		}
		c.acquire(ctx, w.request, w.registration.holder, w.wanted, o)
	})
}

// listWaits lists the calls that wait in the order of the queue. The gate is shut.
func (d *Daemon) listWaits() []waitOf {
	var list []waitOf
	for _, c := range d.clients.list() {
		for w := range c.waits {
			list = append(list, waitOf{c, w})
		}
	}
	slices.SortFunc(list, func(a, b waitOf) int { return cmp.Compare(a.number, b.number) })
	return list
}

// waitOf is a call and its connection.
type waitOf struct {
	*conn
	*wait
}
