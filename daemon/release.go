package daemon

import (
	"context"
	"errors"

	"virtlock/daemon/internal/lockspace"
)

// release gives locks of an owner back, also one that is missing: its owner must
// not learn from a refusal that somebody else has it.
func (d *Daemon) release(ctx context.Context, o *lockspace.Owner, names []lockspace.Name) ([]lockspace.Lock, error) {
	left, err := d.table.Release(ctx, o, names)
	if !d.wasMissing(o, names, err) {
		return left, err
	}
	var held []lockspace.Name
	for _, n := range names {
		if !d.missing.release(o, n) {
			held = append(held, n)
		}
	}
	return d.table.Release(ctx, o, held)
}

// wasMissing reports whether a release failed for a lock that is missing.
func (d *Daemon) wasMissing(o *lockspace.Owner, names []lockspace.Name, err error) bool {
	var notLocked *lockspace.NotLockedError
	var notHolder *lockspace.NotHolderError
	switch {
	case errors.As(err, &notLocked):
		return d.missing.has(o, notLocked.Name)
	case errors.As(err, &notHolder):
		return d.missing.has(o, notHolder.Name)
	}
	return false
}
