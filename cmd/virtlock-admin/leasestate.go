package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"virtlock/client"
	"virtlock/client/api"
)

// state says whether a guest could have one of its locks.
type state string

const (
	stateFree     state = "free"
	stateOwn      state = "own"      // this guest has it
	stateShared   state = "shared"   // others have it, and would share it
	stateUnlocked state = "unlocked" // libvirt does not ask for it
	stateBusy     state = "busy"
	stateMissing  state = "missing" // there is no file, or no lockspace
	stateTwice    state = "twice"   // this guest has another disk on the same file
	stateRefused  state = "refused" // libvirt would not even ask, or the daemon grants it to nobody
	stateUnknown  state = "unknown"
)

// taker is somebody who has a lock on a file, or uses it without.
type taker struct {
	Name  string    `json:"name,omitempty"`
	UUID  string    `json:"uuid,omitempty"`
	PID   int       `json:"pid,omitempty"`
	Mode  api.Mode  `json:"mode,omitempty"`
	Since time.Time `json:"since,omitzero"`
	// Foreign says that it did not ask the daemon.
	Foreign bool `json:"foreign,omitempty"`
}

// title names who it is.
func (t taker) title() string {
	switch {
	case t.PID == 0:
		return "a program that the kernel does not name"
	case t.Name == "":
		return fmt.Sprintf("process %d", t.PID)
	}
	return fmt.Sprintf("%s (process %d)", quote(t.Name), t.PID)
}

// isGuest reports whether a name and a UUID are those of the guest. Without a UUID in
// its description libvirt makes one up, and the name has to do.
func (d domain) isGuest(name, uuid string) bool {
	if d.uuid == "" || uuid == "" {
		return d.name != "" && name == d.name
	}
	plain := func(uuid string) string { return strings.ToLower(strings.ReplaceAll(uuid, "-", "")) }
	return plain(uuid) == plain(d.uuid)
}

// settle finds out the state of each lease that has none yet. The daemon is not asked
// about what hangs, since it would answer nothing else before.
func (d domain) settle(ctx context.Context, c *client.Client, list []lease) error {
	sights := lookAll(ctx, list)
	for i := range list {
		l := &list[i]
		if l.State != "" {
			continue
		}
		if l.id = sights[i].id; sights[i].hangs {
			if err := d.settleByName(ctx, c, l, sights[i]); err != nil {
				return err
			}
			continue
		}
		result, err := inspect(ctx, c, l.Lockspace, l.Name)
		var refusal *client.Error
		switch {
		case err == nil:
			d.held(l, result)
		case errors.Is(err, errNotHeld):
			sights[i].settle(l)
		case errors.Is(err, client.ErrNotFound):
			l.State, l.Note = stateMissing, "the daemon has no such lockspace; libvirt makes those of its configuration when it starts"
		case errors.As(err, &refusal):
			l.State, l.Note = stateUnknown, harmless(refusal.Message)
		default:
			return err
		}
	}
	return nil
}

// settleByName settles what hangs, as far as the daemon knows without its storage.
func (d domain) settleByName(ctx context.Context, c *client.Client, l *lease, s sight) error {
	locks, err := c.Locks(ctx, api.LockFilter{})
	if err != nil {
		return err
	}
	s.settle(l)
	for _, lock := range locks {
		if lock.Lockspace == l.Lockspace && lock.Name == l.Name {
			d.held(l, api.InspectResult{Lock: lock})
		}
	}
	return nil
}

// held tells who holds the lock, under all names of the file, and whether this guest
// can have it all the same.
func (d domain) held(l *lease, result api.InspectResult) {
	own, others, alone := false, false, l.Mode == api.Exclusive
	for _, lock := range append([]api.Lock{result.Lock}, result.Aliases...) {
		for _, h := range lock.Holders {
			l.Holders = append(l.Holders, taker{h.Owner.Name, h.Owner.UUID, h.Owner.PID, lock.Mode, h.Since, false})
			mine := d.isGuest(h.Owner.Name, h.Owner.UUID)
			own, others = own || mine, others || !mine
		}
		alone = alone || lock.Mode == api.Exclusive
	}
	switch {
	case others && alone:
		l.State = stateBusy
	case own:
		l.State = stateOwn
	default:
		l.State = stateShared
	}
	if lock := result.Lock; lock.Lockspace != l.Lockspace || lock.Name != l.Name {
		l.Note = "held as " + quote(lock.Name)
	}
}
