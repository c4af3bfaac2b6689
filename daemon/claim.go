package daemon

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"virtlock/client/api"
	"virtlock/daemon/internal/lockspace"
)

// orphan is an owner that was tied to a connection of a daemon that crashed. The
// kernel took the connection, and the client may come back and claim the owner.
type orphan struct {
	process  *process         // the orphan counts among its users
	owner    *lockspace.Owner // among those that are tied to the process
	identity *lockspace.Identity
	clients  []uint64 // the connections that its locks name

	end *timer
}

// orphans are those that may be claimed still.
type orphans struct {
	mu       sync.Mutex // guards byClient, and the timer of each orphan in it
	byClient map[uint64][]*orphan
}

func newOrphans() *orphans { return &orphans{byClient: make(map[uint64][]*orphan)} }

// orphan keeps an owner's locks until its client comes back, the time for that is
// over, or its process exits. The latter is told as ever: of all that a process
// owns.
func (d *Daemon) orphan(o *orphan) {
	left := d.orphans
	left.mu.Lock()
	defer left.mu.Unlock()
	for _, client := range o.clients {
		left.byClient[client] = append(left.byClient[client], o)
	}
	o.end = d.timers.after(api.ClaimTime, func() { d.expire(o) })
}

// expire ends an orphan that was not claimed in time.
func (d *Daemon) expire(o *orphan) {
	if !d.orphans.remove(o) {
		return // it was claimed just now
	}
	d.log.Info("nobody has claimed what a connection held", "clients", o.clients,
		"owner", o.identity.Name, "pid", o.process.PID)
	d.processes.end(o.registration(o.clients[0]))
	d.idle.touch()
}

// remove reports whether the orphan was there.
func (left *orphans) remove(o *orphan) bool {
	left.mu.Lock()
	defer left.mu.Unlock()
	if !slices.Contains(left.byClient[o.clients[0]], o) {
		return false
	}
	left.removeLocked(o)
	return true
}

func (left *orphans) removeLocked(o *orphan) {
	for _, client := range o.clients {
		others := slices.DeleteFunc(left.byClient[client], func(x *orphan) bool { return x == o })
		if left.byClient[client] = others; len(others) == 0 {
			delete(left.byClient, client)
		}
	}
}

// ownerClaim answers an owner.register that claims.
func (d *Daemon) ownerClaim(c *conn, p api.RegisterParams) (api.RegisterResult, error) {
	if p.Owner != (api.Owner{}) || p.TiedTo != "" {
		return api.RegisterResult{}, invalid("a claim names neither an owner nor what it is tied to")
	}
	r, err := d.claim(c, p.Claim)
	if err != nil {
		return api.RegisterResult{}, err
	}
	return api.RegisterResult{Owner: apiOwner(r.holder.Identity), Client: c.id}, nil
}

// claim registers a connection for what was tied to a former one of the same
// process, and gives the latest of these registrations. Others may be in use
// still, as they may after owner.register.
func (d *Daemon) claim(c *conn, client uint64) (*registration, error) {
	claimed, err := d.orphans.take(c, client)
	if err != nil {
		return nil, err
	}
	for _, o := range claimed {
		d.log.Info("what a connection held was claimed", "was", client, "client", c.id,
			"owner", o.identity.Name, "pid", o.process.PID)
		c.askFor(o.registration(c.id))
	}
	return c.registered(), nil
}

// take gives the orphans of a client to a connection, in the order in which they
// registered. It fails when there are none, or one is not the caller's own.
func (left *orphans) take(c *conn, client uint64) ([]*orphan, error) {
	left.mu.Lock()
	defer left.mu.Unlock()
	found := slices.Clone(left.byClient[client])
	if len(found) == 0 {
		return nil, errNoOrphan
	}
	for _, o := range found {
		// As long as the process lives nobody else can have its pid.
		if o.process.PID != c.peer.PID || o.process.lost || o.process.Exited() {
			return nil, &deniedError{
				fmt.Sprintf("what client %d held belongs to process %d", client, o.process.PID), "only the owner itself may claim it",
			}
		}
	}
	if err := c.mayRegister(len(found)); err != nil {
		return nil, err
	}
	for _, o := range found {
		o.end.stop()
		left.removeLocked(o)
	}
	slices.SortFunc(found, func(a, b *orphan) int { return cmp.Compare(a.identity.Tie, b.identity.Tie) })
	return found, nil
}

// registration is the orphan's, for a connection that takes it over.
func (o *orphan) registration(client uint64) *registration {
	return &registration{process: o.process, holder: lockspace.Holder{Owner: o.owner, Identity: o.identity, Client: client}}
}
