package daemon

import (
	"path"
	"sync"
	"time"

	"virtlock/client/api"
	"virtlock/daemon/internal/lockspace"
)

// events numbers what happens, hands it to those who subscribed, and to the history.
type events struct {
	history *history

	mu          sync.Mutex        // guards all below
	last        uint64            // the latest event's number
	counted     func(last uint64) // told of it; must not block
	subscribers map[*subscriber]struct{}
}

// subscriber is a connection that wants events. What it does not read in time
// is dropped and counted; nobody waits for it.
type subscriber struct {
	types eventSet      // guarded by events.mu
	ready chan struct{} // has room for one; filled when there is something to take

	mu      sync.Mutex // guards the fields that follow
	waiting []api.Event
	lost    api.Event // stands for those dropped since waiting was full, if its Lost is not 0
}

// maxWaitingEvents is how many events wait for a subscriber to read them.
const maxWaitingEvents = 1024

func newEvents(h *history, counted func(last uint64)) *events {
	return &events{history: h, counted: counted, subscribers: make(map[*subscriber]struct{})}
}

// lastSeq is the latest event's number.
func (e *events) lastSeq() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.last
}

// begin goes on after a number.
func (e *events) begin(last uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.last = last
}

// publish numbers an event, and describes it if somebody wants to know. by is who
// asked for it, nil when nobody did. It never blocks.
func (e *events) publish(kind api.EventType, by *api.Caller, describe func(*api.Event)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now().UTC()
	event := e.tellLocked(kind, now, describe)
	if !e.history.On() || !audited(kind) {
		return
	}
	if event == nil {
		event = e.describeLocked(kind, now, describe)
	}
	e.history.Put(note{seq: e.last, time: now, by: by, event: event})
}

// publishChange is publish for a change of the table. The history gets it as it is.
func (e *events) publishChange(kind api.EventType, by *api.Caller, c lockspace.Change) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now().UTC()
	e.tellLocked(kind, now, func(e *api.Event) { describeChange(e, c) })
	if e.history.On() && audited(kind) {
		e.history.Put(note{seq: e.last, time: now, kind: kind, by: by, change: c})
	}
}

// tellLocked numbers an event and hands it to those who subscribed. It gives nil when
// there are none.
func (e *events) tellLocked(kind api.EventType, now time.Time, describe func(*api.Event)) (event *api.Event) {
	e.last++
	e.counted(e.last)
	for s := range e.subscribers {
		if !s.types[kind] {
			continue
		}
		if event == nil {
			event = e.describeLocked(kind, now, describe)
		}
		s.put(*event)
	}
	return event
}

func (e *events) describeLocked(kind api.EventType, now time.Time, describe func(*api.Event)) *api.Event {
	event := &api.Event{Seq: e.last, Time: now, Type: kind}
	describe(event)
	return event
}

// subscribe adds a subscriber, and gives the number of the last event it does
// not get. unsubscribe takes it back.
func (e *events) subscribe(types eventSet) (*subscriber, uint64) {
	s := &subscriber{types: types, ready: make(chan struct{}, 1)}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.subscribers[s] = struct{}{}
	return s, e.last
}

// change gives a subscriber other types, and gives the number of the last event
// that the former ones were for.
func (e *events) change(s *subscriber, types eventSet) uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	s.types = types
	return e.last
}

func (e *events) unsubscribe(s *subscriber) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.subscribers, s)
}

func (e *events) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.subscribers)
}

// put hands over an event, or counts it as lost. Once one is lost all are,
// until the subscriber has read what waits: so it is told of the gap where it is.
func (s *subscriber) put(e api.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost.Lost > 0 || len(s.waiting) == maxWaitingEvents {
		s.lost = api.Event{Seq: e.Seq, Time: e.Time, Type: api.EventLost, Lost: s.lost.Lost + 1}
	} else {
		s.waiting = append(s.waiting, e)
	}
	select {
	case s.ready <- struct{}{}:
	default: // it has been told already
	}
}

// take takes the next event, if there is one. One at a time: what was not taken
// is what a successor of this program has to tell.
func (s *subscriber) take() (e api.Event, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.waiting) > 0:
		e = s.waiting[0]
		s.waiting[0] = api.Event{}
		s.waiting = s.waiting[1:]
	case s.lost.Lost > 0:
		e, s.lost = s.lost, api.Event{}
	default:
		s.waiting = nil
		return e, false
	}
	return e, true
}

// eventSet are types of events. It is not changed once it is made.
type eventSet map[api.EventType]bool

// allEvents are the types that are published.
var allEvents = []api.EventType{
	api.EventLockAcquired, api.EventLockReleased, api.EventLockRefused, api.EventLockWaiting,
	api.EventLockspaceCreated, api.EventOwnerExited, api.EventClientConnected, api.EventClientClosed,
	api.EventDaemonReloaded, api.EventOwnerFenced, api.EventOwnerFenceFailed,
	api.EventDaemonReexecuted, api.EventDaemonReexecFailed, api.EventDaemonRestored,
	api.EventKeeperStarted, api.EventKeeperLost, api.EventLockMissing,
	api.EventLockForced, api.EventClientForced, api.EventDaemonChanged,
}

const (
	maxPatterns = 64
	maxPattern  = 64 // bytes
)

// selectEvents gives the types that one of the patterns matches, all when there
// is no pattern.
func selectEvents(patterns []string) (eventSet, error) {
	if len(patterns) == 0 {
		patterns = []string{"*"}
	}
	if len(patterns) > maxPatterns {
		return nil, invalid("%d patterns of event types, of at most %d", len(patterns), maxPatterns)
	}
	selected := make(eventSet)
	for _, pattern := range patterns {
		if len(pattern) > maxPattern {
			return nil, invalid("a pattern of event types is longer than %d bytes", maxPattern)
		}
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, invalid("bad pattern %q of event types", pattern)
		}
		for _, kind := range allEvents {
			if ok, _ := path.Match(pattern, string(kind)); ok {
				selected[kind] = true
			}
		}
	}
	return selected, nil
}

// subscribe answers event.subscribe: from then on events come as notifications
// on the same connection. Called again it changes their types.
func (d *Daemon) subscribe(c *conn, p api.SubscribeParams) (api.SubscribeResult, error) {
	types, err := selectEvents(p.Types)
	if err != nil {
		return api.SubscribeResult{}, err
	}
	if c.subscriber != nil {
		return api.SubscribeResult{Seq: d.events.change(c.subscriber, types)}, nil
	}
	s, last := d.events.subscribe(types)
	c.subscriber = s
	d.gate.bring(&c.calls, func() { c.tellEvents(s) })
	return api.SubscribeResult{Seq: last}, nil
}

// tellEvents sends what a subscriber waits for, until its connection ends.
func (c *conn) tellEvents(s *subscriber) {
	d := c.daemon
	defer d.events.unsubscribe(s)
	for {
		for e, ok := s.take(); ok; e, ok = s.take() {
			if c.notify(e) != nil {
				return // the reader of the connection sees it too
			}
		}
		d.gate.park(func() {
			select {
			case <-s.ready:
			case <-c.ctx.Done():
			}
		})
		if c.ctx.Err() != nil {
			return
		}
	}
}
