package daemon

import (
	"context"
	"errors"
	"slices"
	"time"

	"virtlock/client/api"
	"virtlock/daemon/internal/lockspace"
	"virtlock/daemon/internal/owner"
)

// lockForce answers lock.force_release: it takes locks from their owners, who are
// neither asked nor ended. An owner that lives may go on writing, so its locks go
// only if that is said.
func (d *Daemon) lockForce(c *conn, p api.ForceReleaseParams) (api.ForceReleaseResult, error) {
	if err := checkForce(p); err != nil {
		return api.ForceReleaseResult{}, err
	}
	held, missing, err := d.holdsToForce(p)
	if err != nil {
		return api.ForceReleaseResult{}, err
	}
	d.forced.sweep()
	f := forcing{by: *c.caller(), time: time.Now().UTC(), reason: p.Reason}
	r := api.ForceReleaseResult{Released: []api.ForcedHold{}, Refused: []api.ForcedHold{}}
	var wanted []lockspace.HeldBy
	var told []api.ForcedHold // of wanted
	for _, h := range held {
		hold := apiForcedHold(h, d.lives(h.Holder.Identity))
		if hold.Alive && !p.LeaveRunning {
			r.Refused = append(r.Refused, hold)
			continue
		}
		wanted, told = append(wanted, h), append(told, hold)
	}
	if p.DryRun {
		r.Released = append(r.Released, told...)
	} else {
		d.force(c, wanted, told, f, &r)
	}
	d.forceMissing(missing, p, f, &r)
	d.idle.touch()
	return r, nil
}

// forceTime is how long it waits for files that other calls are at. One that storage
// holds up does not come back.
const forceTime = 5 * time.Second

// force takes holds away, and says of each what became of it. One that was given back
// meanwhile is not spoken of.
func (d *Daemon) force(c *conn, wanted []lockspace.HeldBy, told []api.ForcedHold, f forcing, r *api.ForceReleaseResult) {
	ctx, cancel := context.WithTimeout(c.ctx, forceTime)
	defer cancel()
	for i, err := range d.table.Force(ctx, wanted, c.id) {
		switch {
		case err == nil:
			d.wasForced(wanted[i].Holder.Identity, &told[i], f)
			r.Released = append(r.Released, told[i])
		case ctx.Err() != nil && errors.Is(err, context.Cause(ctx)):
			r.Refused = append(r.Refused, told[i])
		}
	}
}

func checkForce(p api.ForceReleaseParams) error {
	switch {
	case p.OwnerPID < 0:
		return invalid("owner_pid %d is that of no process", p.OwnerPID)
	case len(p.Resources) == 0 && p.OwnerPID == 0:
		return invalid("neither resources nor owner_pid says what to release")
	case len(p.Resources) > api.MaxResources:
		return invalid("%d resources named, of at most %d", len(p.Resources), api.MaxResources)
	}
	return checkReason(p.Reason, "why the locks have to go")
}

// holdsToForce finds what is meant: holds in the table, and those that are missing. A
// resource that nobody holds is an error, so that a name that is spelled wrong is
// noticed.
func (d *Daemon) holdsToForce(p api.ForceReleaseParams) (held []lockspace.HeldBy, missing []*missingHold, err error) {
	ofOwner := func(i *lockspace.Identity) bool { return p.OwnerPID == 0 || p.OwnerPID == i.PID }
	if len(p.Resources) == 0 {
		held = d.table.HoldsOf(p.OwnerPID)
		missing = d.missing.find(func(h *missingHold) bool { return ofOwner(h.Holder.Identity) })
		if len(held)+len(missing) == 0 && !d.processes.knows(p.OwnerPID) {
			return nil, nil, &noOwnerError{p.OwnerPID}
		}
		return held, missing, nil
	}
	named := make(map[lockspace.Name]bool)
	for _, r := range p.Resources {
		n := lockspace.Name{Space: r.Lockspace, Name: r.Name}
		if named[n] {
			continue
		}
		named[n] = true
		all, err := d.table.HoldsOn(n)
		lost := d.missing.find(func(h *missingHold) bool { return h.request.Name == n && ofOwner(h.Holder.Identity) })
		if err != nil && (len(lost) == 0 || !errors.As(err, new(*lockspace.NotLockedError))) {
			return nil, nil, err
		}
		of := slices.DeleteFunc(slices.Clone(all), func(h lockspace.HeldBy) bool { return !ofOwner(h.Holder.Identity) })
		if len(of)+len(lost) == 0 {
			return nil, nil, &lockspace.NotHolderError{Name: n, Held: locksOf(all)}
		}
		held, missing = append(held, of...), append(missing, lost...)
	}
	return held, missing, nil
}

func locksOf(holds []lockspace.HeldBy) []lockspace.Lock {
	locks := make([]lockspace.Lock, len(holds))
	for i := range holds {
		locks[i] = holds[i].Lock
	}
	return locks
}

// lives reports whether an owner's process lives: the very one. In doubt it does.
func (d *Daemon) lives(i *lockspace.Identity) bool {
	if lives, known := d.processes.lives(i.PID, i.Start); known {
		return lives
	}
	p, err := owner.Find(i.PID)
	if err != nil {
		return !errors.Is(err, owner.ErrNoProcess)
	}
	defer p.Close()
	return i.Start == 0 || p.StartTime == i.Start
}

// wasForced tells everybody of a hold that was taken away, and keeps for its owner
// why, if that lives.
func (d *Daemon) wasForced(i *lockspace.Identity, h *api.ForcedHold, f forcing) {
	name := lockspace.Name{Space: h.Lock.Lockspace, Name: h.Lock.Name}
	d.log.Warn("a lock was released by force", "lockspace", name.Space, "name", name.Name, "owner", i.Name, "uuid", i.UUID,
		"pid", i.PID, "alive", h.Alive, "client", f.by.Client, "client_pid", f.by.PID, "reason", f.reason)
	d.events.publish(api.EventLockForced, &f.by, func(e *api.Event) {
		e.Lockspace, e.Name, e.Path, e.Mode = &name.Space, name.Name, h.Lock.Path, h.Lock.Mode
		e.Owner, e.Client, e.Message = &h.Holder.Owner, f.by.Client, f.reason
	})
	if h.Alive {
		d.forced.note(i, name, f)
	}
}

// forceMissing is the same for holds that are missing: the daemon stops trying to get
// them back.
func (d *Daemon) forceMissing(holds []*missingHold, p api.ForceReleaseParams, f forcing, r *api.ForceReleaseResult) {
	for _, m := range holds {
		hold := apiMissingHold(m, d.lives(m.Holder.Identity))
		switch {
		case hold.Alive && !p.LeaveRunning:
			r.Refused = append(r.Refused, hold)
			continue
		case p.DryRun:
		case !d.missing.remove(m):
			continue // it was found, or given back
		default:
			d.changed(lockspace.Change{
				Kind: lockspace.Released, Name: m.request.Name, Mode: m.request.Mode, Holder: m.Holder,
				Reason: lockspace.Forced, By: f.by.Client,
			})
			d.wasForced(m.Holder.Identity, &hold, f)
		}
		r.Released = append(r.Released, hold)
	}
}

func apiForcedHold(h lockspace.HeldBy, alive bool) api.ForcedHold {
	lock := apiLock(h.Lock)
	return api.ForcedHold{Lock: lock, Holder: lock.Holders[0], Alive: alive, Waiters: h.Waiters}
}

func apiMissingHold(m *missingHold, alive bool) api.ForcedHold {
	holder := api.Holder{Owner: apiOwner(m.Holder.Identity), Client: m.Holder.Client, Since: m.Since}
	return api.ForcedHold{Alive: alive, Holder: holder, Lock: api.Lock{
		Lockspace: m.request.Space, Name: m.request.Name.Name, Path: m.request.Path(), Mode: apiMode(m.request.Mode),
		Autocreate: m.request.Autocreate, Holders: []api.Holder{holder},
	}}
}
