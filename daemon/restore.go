package daemon

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"virtlock/client/api"
	"virtlock/daemon/internal/failpoint"
	"virtlock/daemon/internal/filelock"
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

// opened is what became of a lock's file.
type opened struct {
	file *filelock.File
	err  error // why the kernel does not hold the lock; file may be there all the same
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
		r.missing.add(missingHold{RestoredHold: l.Holds[0], process: r.process(&h.Owner), request: l.Request, why: o.err, inTable: true})
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

// open opens the files of the locks, or takes them over where they are open. From
// the journal each has to be opened and locked anew: side by side, since storage
// may hang, and not for ever.
func (r *restorer) open(locks [][]handover.Hold) []opened {
	files := make([]opened, len(locks))
	if r.source == fromLibvirt {
		// Where two names are one file, as libvirt's daemon allows, the kernel's
		// lock can be had for one of them: the one that is to be exclusive.
		slices.SortStableFunc(locks, func(a, b []handover.Hold) int {
			return cmp.Compare(requestOf(&a[0]).Mode, requestOf(&b[0]).Mode)
		})
	}
	if r.source != fromJournal && r.source != fromKeeper {
		for i, holds := range locks {
			files[i] = r.take(holds)
		}
		return files
	}
	return r.openAll(locks, files)
}

// How many files are opened at a time, and how long that may take together.
const (
	openAtOnce = 64
	openTime   = 10 * time.Second
)

// openAll opens files side by side, and gives those that were quick enough.
func (r *restorer) openAll(locks [][]handover.Hold, files []opened) []opened {
	var mu sync.Mutex // guards files and late
	late := false
	slots := make(chan struct{}, openAtOnce)
	var wait sync.WaitGroup
	deadline := time.After(openTime)
	begin := func(i int) {
		wait.Go(func() {
			o := r.take(locks[i])
			mu.Lock()
			defer mu.Unlock()
			if !late {
				files[i] = o
			} else if o.file != nil {
				o.file.Close()
			}
			<-slots
		})
	}
	for i := range locks {
		select {
		case slots <- struct{}{}:
			begin(i)
			continue
		case <-deadline:
			mu.Lock()
			late = true
			mu.Unlock()
		}
		break
	}
	done := make(chan struct{})
	go func() { wait.Wait(); close(done) }()
	select {
	case <-done:
	case <-deadline:
	}
	mu.Lock()
	defer mu.Unlock()
	late = true
	for i := range files {
		if files[i].file == nil && files[i].err == nil {
			files[i].err = errStorageHangs
		}
	}
	return files
}

var errStorageHangs = errors.New("its storage does not answer")

// take gives the file of a lock with the kernel's lock on it.
func (r *restorer) take(holds []handover.Hold) opened {
	h := &holds[0]
	if h.Missing != "" {
		return opened{err: errors.New(h.Missing)}
	}
	fd := -1
	for i := range holds {
		fd = max(fd, holds[i].FD)
	}
	mode := requestOf(h).Mode
	switch {
	case fd < 0:
		return r.openAgain(holds)
	case r.source == fromLibvirt:
		return fromPOSIX(fd, mode)
	}
	f := filelock.Adopt(fd, filelock.ID{Device: h.File.Device, Inode: h.File.Inode}, h.File.Node, mode)
	if r.source == fromKeeper {
		if err := f.Reassert(); err != nil {
			f.Close()
			return opened{err: err}
		}
	}
	return opened{file: f}
}

// fromPOSIX takes a lock over from libvirt's daemon.
func fromPOSIX(fd int, m lockspace.Mode) opened {
	f, err := filelock.FromPOSIX(fd, m)
	if lost, ok := errors.AsType[*filelock.LostError](err); ok && lost.Err == nil {
		err = nil // it is held again
	}
	return opened{f, err}
}

func (r *restorer) allGone(holds []handover.Hold) bool {
	for i := range holds {
		if !r.process(&holds[i].Owner).gone {
			return false
		}
	}
	return true
}

// openAgain opens the file of a lock by its name and locks it.
func (r *restorer) openAgain(holds []handover.Hold) opened {
	h := &holds[0]
	if r.allGone(holds) && !h.Autocreate { // a file that was made for the lock goes with it
		return opened{err: lockspace.ErrOwnerGone}
	}
	place := filelock.Place{Dir: h.Space, Name: h.Name}
	f, err := filelock.Open(place, false)
	if err != nil {
		return opened{err: err}
	}
	if id := (filelock.ID{Device: h.File.Device, Inode: h.File.Inode}); f.ID() != id {
		f.Close()
		return opened{err: errors.New("another file has its name now")}
	}
	if err := f.Lock(requestOf(h).Mode); err != nil {
		f.Close()
		return opened{err: err}
	}
	return opened{file: f}
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

// resume goes on with the work that was under way. The gate is shut still.
func (d *Daemon) resume() {
	r := d.resuming
	if r == nil {
		return
	}
	d.resuming = nil
	for _, p := range r.gone {
		d.processes.endGone(p)
	}
	defer d.config.Inherited.settle()
	defer d.gate.open()
	for i := range r.state.Waits {
		r.resumeWait(&r.state.Waits[i])
	}
	for _, c := range r.clients {
		if c.subscriber != nil {
			d.gate.bring(&c.calls, func() { c.tellEvents(c.subscriber) })
		}
		if len(c.in) > 0 {
			d.gate.bring(&d.poller.busy, c.resume)
		}
	}
	r.report()
	r.answerCallers()
}

func (r *restorer) resumeWait(h *handover.Wait) {
	c := r.clients[h.Client]
	if c == nil {
		return
	}
	owners := c.registrations()
	if h.Owner >= len(owners) {
		return
	}
	w := &wait{
		request: h.Request, registration: owners[h.Owner],
		since: timeOf(h.Since), deadline: timeOf(h.Deadline),
	}
	for _, resource := range h.Resources {
		w.wanted = append(w.wanted, requestOf(&handover.Hold{
			Space: resource.Space, Name: resource.Name, Shared: resource.Shared, Autocreate: resource.Autocreate,
		}))
	}
	if c.beginWait(w) == nil {
		c.waitFor(w, lockspace.Options{Again: true})
	}
}

// report says what was restored.
func (r *restorer) report() {
	held := r.table.Totals()
	kind, text := api.EventDaemonRestored, "took back what a former daemon had granted"
	if r.source == fromExec {
		kind, text = api.EventDaemonReexecuted, "was re-executed"
	}
	if r.source == fromLibvirt {
		text = "took over from libvirt's daemon"
	}
	if kind == api.EventDaemonRestored && held.Locks+held.Spaces-1+len(r.clients)+len(r.missing.all()) == 0 {
		return // a first start
	}
	r.log.Info(text, "locks", held.Locks, "holders", held.Holders, "lockspaces", held.Spaces-1,
		"clients", len(r.clients), "waiting", len(r.state.Waits), "from", fmt.Sprint(r.state.Program))
	r.events.publish(kind, r.by(), func(*api.Event) {})
	r.missing.report()
}

// by is who asked for the re-exec; nil when nobody did.
func (r *restorer) by() *api.Caller {
	for _, caller := range r.state.Callers {
		if c := r.clients[caller.Client]; c != nil {
			return c.caller()
		}
	}
	return nil
}

// answerCallers tells those who asked for the re-exec that it is done.
func (r *restorer) answerCallers() {
	result := r.reexecResult(len(r.clients))
	for _, caller := range r.state.Callers {
		if c := r.clients[caller.Client]; c != nil {
			r.gate.bring(&c.calls, func() { c.reply(caller.Request, result, nil) })
		}
	}
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
