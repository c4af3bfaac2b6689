package daemon

import (
	"sync"
	"time"
)

// timers call functions later, inside the gate. close waits for those that run.
type timers struct {
	gate  *gate          // of the daemon
	calls sync.WaitGroup // that are to come, and that run

	mu      sync.Mutex // guards the fields that follow, and timer.call
	pending map[*timer]struct{}
	closed  bool
}

// timer is one call that is to come.
type timer struct {
	of   *timers
	call *time.Timer
}

func newTimers(g *gate) *timers { return &timers{gate: g, pending: make(map[*timer]struct{})} }

// after calls f after some time on a goroutine of its own, unless the timer is
// stopped, or all are closed, before.
func (ts *timers) after(wait time.Duration, f func()) *timer {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t := &timer{of: ts}
	if ts.closed {
		return t
	}
	ts.calls.Add(1)
	ts.pending[t] = struct{}{}
	t.call = time.AfterFunc(wait, func() {
		defer ts.calls.Done()
		ts.begun(t)
		ts.gate.enter()
		defer ts.gate.leave()
		f()
	})
	return t
}

func (ts *timers) begun(t *timer) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	delete(ts.pending, t)
}

// stop keeps a call from being made that has not begun. A nil timer has none.
func (t *timer) stop() {
	if t == nil {
		return
	}
	t.of.mu.Lock()
	defer t.of.mu.Unlock()
	t.stopLocked()
}

func (t *timer) stopLocked() {
	if t.call != nil && t.call.Stop() {
		delete(t.of.pending, t)
		t.of.calls.Done()
	}
}

// close stops all and waits for the calls that have begun.
func (ts *timers) close() {
	ts.mu.Lock()
	ts.closed = true
	for t := range ts.pending {
		t.stopLocked()
	}
	ts.mu.Unlock()
	ts.calls.Wait()
}
