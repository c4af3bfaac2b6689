package daemon

import (
	"slices"

	"virtlock/daemon/internal/lockspace"
)

// registration is for whom a connection asks.
type registration struct {
	process *process
	holder  lockspace.Holder
}

// tied reports whether the locks go with the connection.
func (r *registration) tied() bool { return r.holder.Identity.Connection() }

// maxFormer is how many former owners of a connection may still be in use.
const maxFormer = 64

// registerAs makes the connection ask for an owner from now on, whose locks may be
// tied to it. What it took or waits for before stays the former owner's. It fails
// with owner.ErrNoProcess when there is no such process.
func (c *conn) registerAs(id *lockspace.Identity, tied bool) error {
	if err := c.mayRegister(1); err != nil {
		return err
	}
	ps := c.daemon.processes
	p, err := ps.join(id.PID)
	if err != nil {
		return err
	}
	id.Start = p.StartTime
	next := &registration{process: p, holder: lockspace.Holder{Owner: &p.owner, Identity: id, Client: c.id}}
	if tied {
		next.holder.Owner, id.Tie = ps.tie(p)
	}
	c.askFor(next)
	return nil
}

// mayRegister says whether so many registrations more can be kept.
func (c *conn) mayRegister(n int) error {
	if len(c.former)+n > maxFormer {
		return &limitError{"the connection was registered too often while its calls wait or its locks are held", "use another connection"}
	}
	return nil
}

// askFor makes the connection ask for another registration, and ends the former one
// unless it is in use still.
func (c *conn) askFor(next *registration) {
	c.caller() // before it can change anything
	ps := c.daemon.processes
	old := c.registered()
	keep := old != nil && c.uses(old)
	c.mu.Lock()
	c.registration = next
	if keep {
		c.former = append(c.former, old)
	}
	gone := c.gone
	c.mu.Unlock()
	if gone && next.tied() {
		ps.untie(next.process, next.holder.Owner) // blocks nobody: the client is gone
	}
	if old != nil && !keep {
		ps.end(old)
	}
}

// uses reports whether calls wait, or locks are held, that may be a former
// owner's. Only who reads starts more of them, and it calls this.
func (c *conn) uses(r *registration) bool {
	c.mu.Lock()
	waiting := len(c.waits) > 0
	c.mu.Unlock()
	return waiting || r.tied() && c.daemon.table.Holds(r.holder.Owner)
}

// registrations are all that are in use, the present one last.
func (c *conn) registrations() []*registration {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := slices.Clone(c.former)
	if c.registration != nil {
		all = append(all, c.registration)
	}
	return all
}

// registered gives for whom the connection asks. nil before it registered.
func (c *conn) registered() *registration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.registration
}

func (c *conn) isRestricted() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.restricted
}

// restrict refuses all that the connection asks from now on: libvirt leaves it
// open in the guest's process, which is not to be trusted.
func (c *conn) restrict() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.restricted = true
}

// endTied ends the owners that are tied to the connection and does not wait for
// it: none gets anything any more, and a call of theirs that hangs in storage
// keeps no other lock of theirs.
func (c *conn) endTied() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return
	}
	c.gone = true
	for _, r := range append(slices.Clip(c.former), c.registration) {
		if r != nil && r.tied() && !c.daemon.keepsTied() {
			c.daemon.gate.bring(&c.daemon.poller.busy, func() { c.daemon.processes.untie(r.process, r.holder.Owner) })
		}
	}
}

// endRegistrations is called when the connection has closed.
func (c *conn) endRegistrations() {
	if c.daemon.keepsTied() {
		return
	}
	for _, r := range c.registrations() {
		c.daemon.processes.end(r)
	}
}

// end ends a registration, and the locks that are tied to its connection. It
// returns when these are free.
func (ps *processes) end(r *registration) {
	if r.tied() {
		ps.untie(r.process, r.holder.Owner)
	}
	ps.leave(r.process)
}
