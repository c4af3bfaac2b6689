package daemon

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"virtlock/client/api"
	"virtlock/daemon/internal/handover"
	"virtlock/daemon/internal/lockspace"
)

// missing are the locks that living owners rely on and that the kernel does not
// hold for them: while nobody kept them somebody else took them. It is tried again
// and again to get them back; until then the log, the status and an event say so.
type missing struct {
	daemon *Daemon
	trying sync.WaitGroup
	ended  chan struct{}

	mu   sync.Mutex // guards list
	list []*missingHold
}

// missingHold is one of them.
type missingHold struct {
	lockspace.RestoredHold
	process *process // counts it among its users
	request lockspace.Request
	why     error
	// inTable says that the table has it, and keeps others out who ask this
	// daemon: there is an open file of it, on which the kernel's lock was lost, or
	// is weaker than it should be, or not known.
	inTable bool
}

// missingTime is how often it is tried again.
const missingTime = 500 * time.Millisecond

func newMissing(d *Daemon) *missing { return &missing{daemon: d, ended: make(chan struct{})} }

func (m *missing) add(h missingHold) {
	m.daemon.processes.joinAgain(h.process)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = append(m.list, &h)
}

// report names each, and begins to try again: the locks of one directory one after
// another, and directories side by side, so that storage that hangs keeps its own.
func (m *missing) report() {
	list := m.all()
	for _, h := range list {
		id := h.Holder.Identity
		m.daemon.log.Error("a lock of a living owner is missing", "path", h.request.Path(), "owner", id.Name,
			"uuid", id.UUID, "pid", id.PID, "because", h.why)
		m.daemon.events.publish(api.EventLockMissing, nil, func(e *api.Event) { h.describe(e) })
	}
	dirs := make(map[string]bool)
	for _, h := range list {
		dirs[h.dir()] = true
	}
	for dir := range dirs {
		m.trying.Go(func() { m.try(dir) })
	}
}

func (h *missingHold) describe(e *api.Event) {
	e.Lockspace, e.Name, e.Path = &h.request.Space, h.request.Name.Name, h.request.Path()
	owner := apiOwner(h.Holder.Identity)
	e.Owner, e.Mode, e.Client, e.Message = &owner, apiMode(h.request.Mode), h.Holder.Client, h.why.Error()
}

// close ends the trying.
func (m *missing) close() {
	close(m.ended)
	m.trying.Wait()
}

// try tries to get the locks of one directory back until none is missing, or the
// end.
func (m *missing) try(dir string) {
	for {
		list := slices.DeleteFunc(m.all(), func(h *missingHold) bool { return h.dir() != dir })
		if len(list) == 0 {
			return
		}
		select {
		case <-m.ended:
			return
		case <-time.After(missingTime):
		}
		m.daemon.gate.enter()
		for _, h := range list {
			m.tryOne(h)
		}
		m.daemon.gate.leave()
	}
}

func (h *missingHold) dir() string { return filepath.Dir(h.request.Path()) }

// tryOne tries to get one lock back, unless its owner has ended or has given it
// back.
func (m *missing) tryOne(h *missingHold) {
	d := m.daemon
	if h.inTable {
		switch err := d.table.Relock(context.Background(), h.request.Name); {
		case err == nil:
			m.found(h)
		case errors.As(err, new(*lockspace.NotLockedError)): // given back
			m.remove(h)
		}
		return
	}
	requests := []lockspace.Request{h.request}
	_, err := d.table.Acquire(context.Background(), h.Holder, requests, lockspace.Options{Overtake: true, Quiet: true})
	switch {
	case err == nil && !m.found(h): // it was given back meanwhile
		d.table.Release(context.Background(), h.Holder, []lockspace.Name{h.request.Name})
	case err == lockspace.ErrOwnerGone, m.isHeld(h):
		m.remove(h)
	}
}

// isHeld reports whether the owner has the lock: a former daemon took it back and
// ended before it had noted down that it was not missing any more.
func (m *missing) isHeld(h *missingHold) bool {
	return slices.ContainsFunc(m.daemon.table.LocksOf([]*lockspace.Owner{h.Holder.Owner}), func(l lockspace.Lock) bool {
		return l.Name == h.request.Name && l.Mode == h.request.Mode
	})
}

// found says that a lock is held again, and reports whether it was missed still.
func (m *missing) found(h *missingHold) bool {
	missed := m.remove(h)
	if missed {
		m.daemon.log.Warn("a lock that was missing is held again", "path", h.request.Path(), "pid", h.Holder.Identity.PID)
	}
	return missed
}

func (m *missing) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.list)
}

func (m *missing) all() []*missingHold {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.list)
}

// remove reports whether it was there.
func (m *missing) remove(h *missingHold) bool {
	m.mu.Lock()
	before := len(m.list)
	m.list = slices.DeleteFunc(m.list, func(x *missingHold) bool { return x == h })
	removed := len(m.list) < before
	m.mu.Unlock()
	if !removed {
		return false
	}
	if r := m.daemon.recorder; r != nil && !h.inTable {
		r.Drop(h.ID)
	}
	m.daemon.processes.leave(h.process)
	m.daemon.idle.touch()
	return true
}

// release gives a lock back that is missing, and reports whether there was one.
func (m *missing) release(o *lockspace.Owner, n lockspace.Name) bool {
	released := false
	for _, h := range m.all() {
		if h.Holder.Owner == o && h.request.Name == n && !h.inTable {
			released = m.remove(h) || released
		}
	}
	return released
}

// has reports whether a lock of an owner is missing.
func (m *missing) has(o *lockspace.Owner, n lockspace.Name) bool {
	return len(m.find(func(h *missingHold) bool { return h.Holder.Owner == o && h.request.Name == n })) > 0
}

// find gives those that somebody looks for and that the table does not have.
func (m *missing) find(wanted func(*missingHold) bool) []*missingHold {
	return slices.DeleteFunc(m.all(), func(h *missingHold) bool { return h.inTable || !wanted(h) })
}

// export describes them for a successor, which goes on trying.
func (m *missing) export() []handover.Hold {
	var holds []handover.Hold
	for _, h := range m.all() {
		if h.inTable {
			continue
		}
		holds = append(holds, handover.Hold{
			ID: h.ID, Lock: h.ID | missingLock, FD: -1, Space: h.request.Space, Name: h.request.Name.Name,
			Shared: h.request.Mode == lockspace.Shared, Autocreate: h.request.Autocreate,
			Owner: exportOwner(h.Holder.Identity), Client: h.Holder.Client, Since: h.Since.UnixNano(),
			Missing: h.why.Error(),
		})
	}
	return holds
}

// mark says in the holds of a state which of their locks the kernel does not hold as
// it should: a successor goes on trying.
func (m *missing) mark(holds []handover.Hold) {
	why := make(map[lockspace.Name]string)
	for _, h := range m.all() {
		if h.inTable {
			why[h.request.Name] = h.why.Error()
		}
	}
	if len(why) == 0 {
		return
	}
	for i := range holds {
		holds[i].Missing = why[lockspace.Name{Space: holds[i].Space, Name: holds[i].Name}]
	}
}

// missingLock is in the numbers of locks that are not: they have none of their own.
const missingLock = 1 << 63

// status is what api.Status says of them.
func (m *missing) status() []api.MissingLock {
	var list []api.MissingLock
	for _, h := range m.all() {
		list = append(list, api.MissingLock{
			Lockspace: h.request.Space, Name: h.request.Name.Name, Path: h.request.Path(),
			Mode: apiMode(h.request.Mode), Owner: apiOwner(h.Holder.Identity), Reason: h.why.Error(),
		})
	}
	return list
}
