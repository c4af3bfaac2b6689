package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

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

// settle finds out the state of each lease that has none yet.
func (d domain) settle(ctx context.Context, c *client.Client, list []lease) error {
	for i := range list {
		l := &list[i]
		if l.State != "" {
			continue
		}
		result, err := inspect(ctx, c, l.Lockspace, l.Name)
		var refusal *client.Error
		switch {
		case err == nil:
			d.held(l, result)
		case errors.Is(err, errNotHeld):
			seen, err := inTime(ctx, strconv.Quote(l.Source), func() (lease, error) { return l.looked(), nil })
			if err != nil {
				return err
			}
			*l = seen
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

// looked is the lease after a look.
func (l lease) looked() lease {
	l.look()
	return l
}

// look looks at the file of a lock that the daemon knows no holder of: whether it is
// one that can be locked, and whether another program has locked it.
func (l *lease) look() {
	info, err := os.Stat(l.disk())
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		l.State, l.Note = stateMissing, "there is no such file"
		return
	case err == nil && !info.Mode().IsRegular() && info.Mode()&os.ModeType != os.ModeDevice:
		l.State, l.Note = stateRefused, "it is neither a file nor a block device"
		return
	}
	lock, err := foreignLock(l.path)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && lock == nil:
		l.State = stateFree
	case err != nil:
		l.State, l.Note = stateUnknown, "locks of other programs cannot be seen: "+err.Error()
	default:
		owner := lock.Holders[0].Owner
		l.Holders = append(l.Holders, taker{Name: owner.Name, PID: owner.PID, Mode: lock.Mode, Foreign: true})
		l.State, l.Note = stateBusy, "locked without asking this daemon"
		if lock.Mode == api.Shared && l.Mode == api.Shared {
			l.State = stateShared
		}
	}
}
