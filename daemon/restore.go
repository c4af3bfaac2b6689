package daemon

import (
	"cmp"
	"slices"
	"time"

	"virtlock/daemon/internal/failpoint"
	"virtlock/daemon/internal/handover"
	"virtlock/daemon/internal/lockspace"
)

// restorer puts back what a former program had granted, however it was handed
// over: it is the one way from a handover.State into a daemon.
type restorer struct {
	*Daemon
	state  *handover.State
	source source
	owners map[processKey]*process
	ties   map[uint64]*lockspace.Owner
	// holders are shared by all holds of one owner through one connection.
	holders map[holderKey]*registration
	holds   []lockspace.RestoredHold // room for those of one lock
	// gone are the processes that ended meanwhile.
	gone []*process
	// clients are the connections by number.
	clients map[uint64]*conn
}

// source is where a state came from, and so what its descriptors are.
type source int

const (
	fromExec    source = iota // our own program: descriptors with their locks
	fromKeeper                // the keeper: likewise, but it is looked whether the kernel agrees
	fromJournal               // the journal: no descriptors
	fromLibvirt               // libvirt's daemon: descriptors with POSIX locks
)

// processKey names one process, whoever has its number later. A start time of 0
// stands for whoever has it now.
type processKey struct {
	pid   int
	start uint64
}

// restore restores all but the work that was under way, which resume does. The
// gate is shut, and nobody is served yet.
func (d *Daemon) restore(s *handover.State, from source) {
	r := &restorer{
		Daemon: d, state: s, source: from, owners: make(map[processKey]*process),
		ties: make(map[uint64]*lockspace.Owner), holders: make(map[holderKey]*registration), clients: make(map[uint64]*conn),
	}
	if s.Started != 0 {
		d.started = timeOf(s.Started)
	}
	for _, l := range s.Sockets {
		if l.MaxClients > 0 {
			d.slotsOf(l.Name).setLimits(limits{l.MaxClients, l.MaxAnonymous})
		}
	}
	if from == fromExec { // whatever the command line says
		d.idle.setTimeout(time.Duration(s.Settings.IdleTimeout))
	}
	t := s.Totals
	d.table.Begin(lockspace.Numbers{Hold: t.Hold, Lock: t.Lock},
		lockspace.Counts{Granted: t.Granted, Refused: t.Refused, Released: t.Released}, s.Spaces, len(s.Holds))
	d.events.begin(t.Seq)
	d.clients.begin(t.Client)
	d.processes.begin(t.Tie)
	r.restoreLocks()
	r.restoreClients()
	r.restoreOrphans()
	if err := d.restoreFences(s.Fences); err != nil {
		d.log.Error("cannot go on with fencing", "error", err)
	}
	d.restoreForced(s.Forced)
	d.resuming = r
}

// restoreLocks puts the locks back.
func (r *restorer) restoreLocks() {
	locks := byLock(r.state.Holds)
	for i := range r.state.Holds {
		r.process(&r.state.Holds[i].Owner) // before files are opened side by side
	}
	files := r.open(locks)
	for i, holds := range locks {
		r.restoreLock(holds, files[i])
	}
}

// byLock gives the holds of each lock, in the order of the locks' numbers. Holds are
// large, so they stay where they are if those of a lock are neighbours, as they are
// but after a crash.
func byLock(holds []handover.Hold) [][]handover.Hold {
	locks := make([][]handover.Hold, 0, len(holds))
	for group := range chunkBy(holds, func(a, b *handover.Hold) bool { return a.Lock == b.Lock }) {
		locks = append(locks, group)
	}
	slices.SortStableFunc(locks, func(a, b []handover.Hold) int { return cmp.Compare(a[0].Lock, b[0].Lock) })
	whole := locks[:0]
	for _, group := range locks {
		if n := len(whole); n > 0 && whole[n-1][0].Lock == group[0].Lock {
			whole[n-1] = append(whole[n-1], group...)
		} else {
			whole = append(whole, group)
		}
	}
	return whole
}

// restoreLock puts one lock with all its holds back, or notes down that it is
// missing.
func (r *restorer) restoreLock(holds []handover.Hold, o opened) {
	h := &holds[0]
	if o.file == nil {
		for i := range holds {
			r.lost(&holds[i], o.err)
		}
		return
	}
	l := lockspace.Restored{Lock: h.Lock, Request: requestOf(h), Open: o.file, Holds: r.holds[:0]}
	for i := range holds {
		l.Holds = append(l.Holds, lockspace.RestoredHold{
			ID: holds[i].ID, Holder: r.holder(&holds[i]), Since: timeOf(holds[i].Since),
		})
	}
	r.holds = l.Holds
	if err := r.table.Restore(l); err != nil {
		o.file.Close()
		for i := range holds {
			r.lost(&holds[i], err)
		}
		return
	}
	if o.err != nil {
		r.lostInTable(holds, l, o.err)
	}
}

// lostInTable notes down that a lock that was put back is not as it should be, for the
// first of its owners that lives.
func (r *restorer) lostInTable(holds []handover.Hold, l lockspace.Restored, why error) {
	for i := range holds {
		if p := r.process(&holds[i].Owner); !p.gone {
			r.missing.add(missingHold{RestoredHold: l.Holds[i], process: p, request: l.Request, why: why, inTable: true})
			return
		}
	}
}

func requestOf(h *handover.Hold) lockspace.Request {
	r := lockspace.Request{Name: lockspace.Name{Space: h.Space, Name: h.Name}, Autocreate: h.Autocreate}
	if h.Shared {
		r.Mode = lockspace.Shared
	}
	return r
}

// lost notes down that a hold's lock could not be had again. If its owner is gone
// it is not missed.
func (r *restorer) lost(h *handover.Hold, why error) {
	p := r.process(&h.Owner)
	if p.gone {
		if r.recorder != nil {
			r.recorder.Drop(h.ID) // what is missing stays noted down until it is had again
		}
		r.changed(lockspace.Change{
			Kind: lockspace.Released, Name: requestOf(h).Name, Mode: requestOf(h).Mode, Holder: r.holder(h), Reason: lockspace.OwnerExited,
		})
		return
	}
	hold := lockspace.RestoredHold{ID: h.ID, Holder: r.holder(h), Since: timeOf(h.Since)}
	r.missing.add(missingHold{RestoredHold: hold, process: p, request: requestOf(h), why: why})
}

// holder is whose a hold is.
func (r *restorer) holder(h *handover.Hold) lockspace.Holder {
	return r.registration(&h.Owner, h.Client).holder
}

// holderKey is an owner under one of its names, through one of its connections.
type holderKey struct {
	handover.Owner
	client uint64
}

// registration is an owner as connections have it.
func (r *restorer) registration(o *handover.Owner, client uint64) *registration {
	key := holderKey{*o, client}
	if r.holders[key] == nil {
		r.holders[key] = r.newRegistration(o, client)
	}
	return r.holders[key]
}

func (r *restorer) newRegistration(o *handover.Owner, client uint64) *registration {
	p := r.process(o)
	id := &lockspace.Identity{Name: o.Name, UUID: o.UUID, ID: o.ID, PID: o.PID, Start: p.StartTime, Tie: o.Tie}
	reg := &registration{process: p, holder: lockspace.Holder{Owner: &p.owner, Identity: id, Client: client}}
	if o.Tie != 0 {
		reg.holder.Owner = r.tied(p, o.Tie)
	}
	return reg
}

// tied is the owner of a tie's number.
func (r *restorer) tied(p *process, tie uint64) *lockspace.Owner {
	if r.ties[tie] == nil {
		r.ties[tie] = r.processes.tieAgain(p)
	}
	return r.ties[tie]
}

// process is the process of an owner, even if it is gone: then its locks are
// released as soon as all is restored.
func (r *restorer) process(o *handover.Owner) *process {
	key := processKey{o.PID, o.Start}
	p := r.owners[key]
	if p != nil {
		return p
	}
	p, err := r.processes.find(key)
	if err != nil {
		r.log.Error("cannot watch an owner", "pid", o.PID, "error", err)
	}
	if p.gone && !o.Gone {
		r.gone = append(r.gone, p)
	}
	r.owners[key] = p
	return p
}

// restoreClients puts the connections back.
func (r *restorer) restoreClients() {
	for i := range r.state.Clients {
		h := &r.state.Clients[i]
		c, err := r.restoreClient(h)
		if err != nil {
			r.log.Error("could not take a client over", "client", h.ID, "error", err)
			continue
		}
		r.clients[h.ID] = c
		failpoint.Here("after-client-restored")
	}
}

// restoreOrphans gives what is tied to connections that are gone a while to be
// claimed.
func (r *restorer) restoreOrphans() {
	for _, o := range r.findOrphans() {
		r.processes.joinAgain(o.process)
		r.orphan(o)
	}
}

// findOrphans finds what was tied to connections that are gone, by its tie. What
// was claimed before names several of them.
func (r *restorer) findOrphans() map[uint64]*orphan {
	tied := make(map[uint64]bool)
	for i := range r.state.Clients {
		c := &r.state.Clients[i]
		if r.clients[c.ID] == nil {
			continue // it could not be taken over
		}
		for _, o := range c.Owners {
			tied[o.Tie] = true
		}
	}
	found := make(map[uint64]*orphan)
	for i := range r.state.Holds {
		h := &r.state.Holds[i]
		tie := h.Owner.Tie
		if tie == 0 || tied[tie] || r.process(&h.Owner).gone {
			continue
		}
		if found[tie] == nil {
			reg := r.registration(&h.Owner, h.Client)
			found[tie] = &orphan{process: reg.process, owner: reg.holder.Owner, identity: reg.holder.Identity}
		}
		if o := found[tie]; !slices.Contains(o.clients, h.Client) {
			o.clients = append(o.clients, h.Client)
		}
	}
	return found
}

// chunkBy splits a list where neighbours are not the same.
func chunkBy[T any](list []T, same func(a, b *T) bool) func(func([]T) bool) {
	return func(yield func([]T) bool) {
		for start := 0; start < len(list); {
			end := start + 1
			for end < len(list) && same(&list[start], &list[end]) {
				end++
			}
			if !yield(list[start:end:end]) {
				return
			}
			start = end
		}
	}
}
