package daemon

import (
	"virtlock/client/api"
	"virtlock/daemon/internal/handover"
)

// keeperNow gives the keeper, nil when there is none.
func (r *recorder) keeperNow() *handover.Keeper {
	if r == nil {
		return nil
	}
	r.passing.RLock()
	defer r.passing.RUnlock()
	return r.keeper
}

// startKeeper starts a keeper in the place of the old one and gives it all that is
// held, unless somebody else has done so already. Until it succeeds no lock is
// granted; what is held stays held by this process.
func (r *recorder) startKeeper(old *handover.Keeper) error {
	r.starting.Lock()
	defer r.starting.Unlock()
	if r.keeperNow() != old {
		return nil
	}
	if old != nil {
		r.replace(nil) // before its descriptors are closed, whose numbers are soon others'
		old.Kill()     // it may hang, and must not hold on to anything
		r.daemon.events.publish(api.EventKeeperLost, nil, func(*api.Event) {})
		r.log.Error("the keeper of the locks has ended, and is replaced", "pid", old.PID())
	}
	err := r.newKeeper()
	for range keeperTries - 1 {
		if err == nil {
			break
		}
		r.log.Warn("cannot start a keeper, and tries again", "error", err)
		err = r.newKeeper()
	}
	if err != nil {
		r.incorrect.Store(true) // mend goes on trying, and takes out of the journal what was not granted
	}
	return err
}

// replace makes another keeper the one that is told of everything.
func (r *recorder) replace(k *handover.Keeper) {
	r.passing.Lock()
	defer r.passing.Unlock()
	r.keeper = k
}

// keeperTries is how often a keeper is started for a client that waits: one that is
// killed at once, as by somebody who has killed the last one, is no reason to
// refuse a lock.
const keeperTries = 3

func (r *recorder) newKeeper() error {
	k, err := handover.StartKeeper(r.keeping.Socket, handover.KeeperCommand(r.keeping.Program))
	if err != nil {
		return err
	}
	r.passing.Lock()
	defer r.passing.Unlock()
	if err := r.fill(k); err != nil {
		k.Kill()
		return err
	}
	r.keeper = k
	r.wake()
	r.log.Info("a keeper of the locks was started", "pid", k.PID())
	r.daemon.events.publish(api.EventKeeperStarted, nil, func(*api.Event) {})
	return nil
}

// fill tells a keeper of all that is held. Nobody grants anything meanwhile.
func (r *recorder) fill(k *handover.Keeper) error {
	if err := k.Pass(r.all()...); err != nil {
		return err
	}
	return k.Full()
}

// refill tells a keeper that was not told of everything again. One that does not
// take it is replaced.
func (r *recorder) refill() {
	k := r.keeperNow()
	if k == nil {
		return
	}
	if err := r.fill(k); err != nil {
		r.log.Error("cannot tell the keeper of everything, and replaces it", "error", err)
		r.deaf.Store(k)
		r.wake()
	}
}

// all is what a new keeper has to know.
func (r *recorder) all() []handover.Change {
	totals := r.reservedTotals()
	changes := []handover.Change{{Totals: totals}}
	for _, dir := range r.daemon.exportSpaces() {
		changes = append(changes, handover.Change{Space: dir, Totals: totals})
	}
	holds := r.holds()
	for i := range holds {
		changes = append(changes, handover.Change{Hold: &holds[i], Totals: totals})
	}
	return changes
}

// holds are all that owners rely on: what is missing has to be known to the next
// daemon too, or nobody would ever say so again.
func (r *recorder) holds() []handover.Hold {
	return append(exportHolds(r.daemon.table), r.daemon.missing.export()...)
}

// keeperGone replaces a keeper that has ended, unless a call that needed one was
// faster. tidy goes on trying where that fails.
func (r *recorder) keeperGone(k *handover.Keeper) {
	r.daemon.gate.enter()
	defer r.daemon.gate.leave()
	if err := r.startKeeper(k); err != nil {
		r.log.Error("cannot start a keeper, and goes on trying", "error", err)
	}
}

// status is how the keeper is; nil when there is none.
func (r *recorder) status() *api.Keeper {
	k := r.keeperNow()
	if k == nil {
		return nil
	}
	s := &api.Keeper{PID: k.PID()}
	kept, err := k.Ask()
	if err == nil {
		totals := r.daemon.table.Totals()
		s.Locks, s.Holders = kept.Locks, kept.Holds
		s.Complete = kept.Holds >= totals.Holders && kept.Locks >= totals.Locks && kept.Lost == 0
	}
	return s
}
