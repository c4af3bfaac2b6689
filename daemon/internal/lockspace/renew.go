package lockspace

import "time"

// Renew grants an owner anew what it holds already, under the same name and in the
// same mode, if it holds it since earlier than a time. It reports whether it did:
// from then on the hold is as new. Nobody is told, for nothing changes.
func (t *Table) Renew(o *Owner, r Request, earlier time.Time) bool {
	t.mu.Lock()
	held, _ := t.oldHoldLocked(o, r, earlier)
	t.mu.Unlock()
	if held == nil {
		return false
	}
	// The name may have come to mean another file, which is not locked.
	if named, err := held.space.place(held.name).Names(held.lock); !named || err != nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	_, h := t.oldHoldLocked(o, r, earlier)
	if h == nil {
		return false
	}
	h.since = now()
	return true
}

// oldHoldLocked finds the hold, nil when there is none.
func (t *Table) oldHoldLocked(o *Owner, r Request, earlier time.Time) (*resource, *holder) {
	s, err := t.spaceLocked(r.Space)
	if err != nil {
		return nil, nil
	}
	held := s.resources[r.Name.Name]
	if held == nil || held.mode != r.Mode {
		return nil, nil
	}
	for i := range held.holders {
		if h := &held.holders[i]; h.Owner == o && h.since < earlier.UnixNano() {
			return held, h
		}
	}
	return nil, nil
}
