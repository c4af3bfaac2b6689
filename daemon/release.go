package daemon

import (
	"context"
	"errors"

	"virtlock/daemon/internal/lockspace"
)

// release gives locks of an owner back, also one that is missing: its owner must
// not learn from a refusal that somebody else has it. Of one that was taken from it
// by force it must.
func (d *Daemon) release(ctx context.Context, h lockspace.Holder, names []lockspace.Name) ([]lockspace.Lock, error) {
	left, err := d.releaseHeld(ctx, h, names)
	if n, refused := refusedName(err); refused {
		if f := d.forced.find(h.Identity, n); f != nil {
			return nil, &forcedError{n, *f}
		}
	}
	return left, err
}

func (d *Daemon) releaseHeld(ctx context.Context, h lockspace.Holder, names []lockspace.Name) ([]lockspace.Lock, error) {
	left, err := d.table.Release(ctx, h, names)
	if n, refused := refusedName(err); !refused || !d.missing.has(h.Owner, n) {
		return left, err
	}
	var held []lockspace.Name
	for _, n := range names {
		if !d.missing.release(h.Owner, n) {
			held = append(held, n)
		}
	}
	return d.table.Release(ctx, h, held)
}

// refusedName is the resource that an owner could not give back because it does not
// hold it.
func refusedName(err error) (n lockspace.Name, refused bool) {
	var notLocked *lockspace.NotLockedError
	var notHolder *lockspace.NotHolderError
	switch {
	case errors.As(err, &notLocked):
		return notLocked.Name, true
	case errors.As(err, &notHolder):
		return notHolder.Name, true
	}
	return n, false
}
