package daemon

import (
	"virtlock/daemon/internal/lockspace"
)

// registration is for whom a connection asks.
type registration struct {
	process *process
	holder  lockspace.Holder
}

// tied reports whether the locks go with the connection.
func (r *registration) tied() bool { return r.holder.Identity.Connection }

// maxFormer is how many former owners of a connection may still be in use.
const maxFormer = 64

// registerAs makes the connection ask for an owner from now on. What it took or
// waits for before stays the former owner's. It fails with owner.ErrNoProcess
// when there is no such process.
func (c *conn) registerAs(id *lockspace.Identity) error {
	if len(c.former) == maxFormer {
		return &limitError{"the connection was registered too often while its calls wait or its locks are held", "use another connection"}
	}
	ps := c.daemon.processes
	p, err := ps.join(id.PID)
	if err != nil {
		return err
	}
	next := &registration{process: p, holder: lockspace.Holder{Owner: &p.owner, Identity: id, Client: c.id}}
	if next.tied() {
		next.holder.Owner = ps.tie(p)
	}
	c.mu.Lock()
	old := c.registration
	c.registration = next
	inUse := c.waiting > 0
	c.mu.Unlock()
	if old == nil {
		return nil
	}
	if inUse || old.tied() && c.daemon.table.Holds(old.holder.Owner) {
		c.former = append(c.former, old)
		return nil
	}
	ps.end(old)
	return nil
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

// endRegistrations is called when the connection has closed.
func (c *conn) endRegistrations() {
	for _, r := range c.former {
		c.daemon.processes.end(r)
	}
	if r := c.registered(); r != nil {
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
