package daemon

import (
	"fmt"
	"os"
	"strings"
	"time"

	"virtlock/client/api"
	"virtlock/daemon/internal/lockspace"
	"virtlock/daemon/internal/owner"
)

// How long an owner has to end by itself when nothing else is said, and how long
// a reason may be, in bytes.
const (
	defaultGrace = 10 * time.Second
	maxReason    = 1024
)

// ownerFence answers owner.fence: it begins to end an owner's process. The locks
// go because the process does, and in no other way (law 5).
func (d *Daemon) ownerFence(c *conn, p api.FenceParams) (api.FenceResult, error) {
	if err := d.mayFence(c, p); err != nil {
		return api.FenceResult{}, err
	}
	target := d.processes.joinKnown(p.PID)
	if target == nil {
		return api.FenceResult{}, &noOwnerError{p.PID}
	}
	who, locks := d.describe(target)
	began, err := d.fences.begin(&fence{
		process: target, owner: who, client: c.id, clientPID: c.peer.PID, reason: p.Reason, by: c.caller(),
	}, c.peer.UID, grace(p.GraceMS))
	if !began {
		d.processes.leave(target)
	}
	if err != nil {
		return api.FenceResult{}, err
	}
	return api.FenceResult{Owner: who, Locks: apiLocks(locks)}, nil
}

// mayFence says whether the process may be ended at all, whoever owns what.
func (d *Daemon) mayFence(c *conn, p api.FenceParams) error {
	if p.PID <= 0 {
		return invalid("pid %d is that of no process", p.PID)
	}
	switch p.PID {
	case 1:
		return invalid("process 1 is not fenced: the system would end with it")
	case os.Getpid():
		return invalid("the daemon does not fence itself")
	case c.peer.PID:
		return invalid("a client does not fence itself: it may just end")
	case d.keeperPID(): // 0 without one
		return invalid("process %d keeps the locks, and is not fenced", p.PID)
	}
	return checkReason(p.Reason, "why the owner has to end")
}

// checkReason says whether a reason is one. It goes into the log, the events and the
// history, and onto terminals.
func checkReason(reason, what string) error {
	switch {
	case strings.TrimSpace(reason) == "":
		return invalid("a reason is missing: say %s", what)
	case len(reason) > maxReason:
		return invalid("the reason is longer than %d bytes", maxReason)
	case reason != printable(reason):
		return invalid("the reason %q has control characters", reason)
	}
	return nil
}

// keeperPID is the process that keeps the locks, or 0 when there is none.
func (d *Daemon) keeperPID() int {
	if k := d.recorder.keeperNow(); k != nil {
		return k.PID()
	}
	return 0
}

func grace(ms int64) time.Duration {
	switch {
	case ms == 0:
		return defaultGrace
	case ms < 0:
		return 0
	}
	return time.Duration(min(ms, maxWaitMS)) * time.Millisecond
}

// describe gives who a process is as an owner, and what it holds.
func (d *Daemon) describe(p *process) (api.Owner, []lockspace.Lock) {
	locks := d.table.LocksOf(d.processes.owners(p))
	if len(locks) > 0 {
		return apiOwner(locks[0].Holders[0].Identity), locks
	}
	for _, c := range d.clients.list() {
		if r := c.registered(); r != nil && r.process == p {
			return apiOwner(r.holder.Identity), nil
		}
	}
	return api.Owner{Name: ownerName(owner.Command(p.PID)), PID: p.PID, TiedTo: api.TiedToProcess}, nil
}

// noOwnerError says that a process owns no lock and is not registered to do so.
type noOwnerError struct{ pid int }

func (e *noOwnerError) Error() string {
	return fmt.Sprintf("process %d is not an owner that this daemon knows", e.pid)
}
