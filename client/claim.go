package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"virtlock/client/api"
)

// How long the daemon may be away before locks count as lost that were tied to
// the connection: until one answers, and from then on, which is a little less
// than it keeps them.
const (
	absenceTime  = 2 * time.Minute
	decisionTime = api.ClaimTime - 5*time.Second
)

// The pauses between two attempts to reach the daemon.
const (
	firstPause   = 20 * time.Millisecond
	longestPause = 500 * time.Millisecond
)

// claim is what becomes of locks whose connection broke. If the daemon crashed
// it has them still when it is back, and gives them to who asks by the number of
// the connection; in all other cases it has released them.
type claim struct {
	numbers []uint64           // of the connections that took them
	held    map[*Held]struct{} // guarded by Client.mu
	end     context.CancelFunc // gives it up
	wake    chan struct{}      // has room for one; a call has reached the daemon
	decided chan struct{}      // closed when it is known what they are
}

// broke is told of the locks that were tied to a connection that has broken.
func (c *Client) broke(cn *conn, held map[*Held]struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cl := &claim{
		held: held, numbers: []uint64{cn.registration().Client},
		wake: make(chan struct{}, 1), decided: make(chan struct{}),
	}
	for h := range held {
		switch {
		case h.dropped: // just now
			delete(held, h)
		case !slices.Contains(cl.numbers, h.number):
			cl.numbers = append(cl.numbers, h.number)
		}
	}
	if c.closed || c.restricted || len(held) == 0 {
		cl.loseLocked()
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.claim, cl.end = cl, cancel
	c.work.Go(func() {
		defer cancel()
		c.reclaim(ctx, cl)
	})
}

// brokeBefore is told of what was granted on a connection that has broken before the
// caller got it: the daemon may have crashed just after its answer.
func (c *Client) brokeBefore(cn *conn, h *Held) {
	c.mu.Lock()
	cl := c.claim
	known := cl != nil && slices.Contains(cl.numbers, h.number)
	if known {
		cl.held[h] = struct{}{} // so that it goes with the others
	}
	c.mu.Unlock()
	switch {
	case known:
	case cl == nil:
		c.broke(cn, map[*Held]struct{}{h: {}})
	case h.drop():
		h.lose()
	}
}

// loseLocked says that all are gone that are not decided upon. Client.mu is held.
func (cl *claim) loseLocked() {
	for h := range cl.held {
		if h.dropLocked() {
			h.lose()
		}
	}
}

// reclaim tries until it is known what became of the locks, or ctx ends: then
// they count as lost.
func (c *Client) reclaim(ctx context.Context, cl *claim) {
	limit := time.AfterFunc(absenceTime, cl.end)
	defer limit.Stop()
	answered := false
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		cn, err := c.connect(ctx)
		if err == nil {
			err = c.claimOn(ctx, cn, cl)
		}
		if err == nil {
			return
		}
		if errors.Is(err, ErrLimit) && !answered { // it is back, and counts the time
			answered = true
			limit.Reset(decisionTime)
		}
		select {
		case <-ctx.Done():
			c.decide(cl)
			return
		case <-cl.wake:
		case <-time.After(pause):
		}
	}
}

// decide ends a claim. Locks that were not taken over are lost.
func (c *Client) decide(cl *claim) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.decideLocked(cl)
}

func (c *Client) decideLocked(cl *claim) {
	cl.loseLocked()
	c.claim = nil
	close(cl.decided)
}

// claimOn claims on a new connection. It fails when the answer did not come, and
// nothing is decided.
func (c *Client) claimOn(ctx context.Context, cn *conn, cl *claim) error {
	cn.enter()
	defer cn.leave()
	owner, err := cn.claim(ctx, cl.numbers)
	switch {
	case errors.Is(err, ErrLimit):
		return err
	case isRefusal(err): // not known, or not ours
		c.decide(cl)
		cn.dropUnused() // nobody asked for it
		return nil
	}
	var locks []api.Lock
	if err == nil {
		locks, err = cn.locksOf(ctx, owner.Owner.PID)
	}
	if err != nil {
		// It may have been carried out. The connection's end takes that back.
		cn.fail(errUnused)
		return err
	}
	return c.takeOver(ctx, cn, cl, owner, locks)
}

// claim asks for what one of the connections held.
func (cn *conn) claim(ctx context.Context, numbers []uint64) (owner api.RegisterResult, err error) {
	for _, number := range numbers {
		err = cn.call(ctx, api.OwnerRegister, api.RegisterParams{Claim: number}, &owner, nil)
		if !isRefusal(err) || errors.Is(err, ErrLimit) {
			break
		}
	}
	return owner, err
}

func isRefusal(err error) bool {
	var refusal *Error
	return errors.As(err, &refusal)
}

// locksOf lists the locks of a process.
func (cn *conn) locksOf(ctx context.Context, pid int) ([]api.Lock, error) {
	var result api.LocksResult
	err := cn.call(ctx, api.LockList, api.LockFilter{Owner: strconv.Itoa(pid)}, &result, nil)
	return result.Locks, err
}

// takeOver makes the connection that of what was claimed, and decides thereby. It
// fails when the connection has broken.
func (c *Client) takeOver(ctx context.Context, cn *conn, cl *claim, owner api.RegisterResult, locks []api.Lock) error {
	for _, name := range c.strays(cl, owner.Owner.PID, locks) {
		// Sent before any call that comes after the decision.
		params := api.ReleaseParams{Resources: []api.ResourceName{name}}
		if _, err := cn.send(ctx, api.LockRelease, params, func(message) {}); err != nil {
			cn.fail(errUnused)
			return err
		}
	}
	asked, err := c.move(cn, cl, owner, locks)
	if err != nil {
		return err
	}
	for _, h := range asked {
		cn.spawn(func() { h.releaseAgain(cn) })
	}
	return nil
}

// strays are locks that were granted to calls whose answer did not come: nobody
// would ever release them.
func (c *Client) strays(cl *claim, pid int, locks []api.Lock) []api.ResourceName {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []api.ResourceName
	for _, lock := range locks {
		for _, holder := range lock.Holders {
			ours := holder.Owner.PID == pid && holder.Owner.TiedTo == api.TiedToConnection && slices.Contains(cl.numbers, holder.Client)
			if ours && !cl.has(lock, holder.Since) {
				list = append(list, api.ResourceName{Lockspace: lock.Lockspace, Name: lock.Name})
			}
		}
	}
	return list
}

// has reports whether one of the claimed is a hold on a lock since that time.
// Client.mu is held.
func (cl *claim) has(lock api.Lock, since time.Time) bool {
	for h := range cl.held {
		for i, ours := range h.locks {
			if ours.Lockspace == lock.Lockspace && ours.Name == lock.Name && h.since[i].Equal(since) {
				return true
			}
		}
	}
	return false
}

// move ties to the connection what is in the list of locks, which decides, and
// gives those of which a release was asked for meanwhile.
func (c *Client) move(cn *conn, cl *claim, owner api.RegisterResult, locks []api.Lock) (asked []*Held, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ours []*Held
	for h := range cl.held {
		if h.among(locks, owner.Owner.PID) {
			ours = append(ours, h)
		}
	}
	if !cn.carry(ours, &owner) {
		return nil, fmt.Errorf("claim locks: %w", ErrBroken)
	}
	for _, h := range ours {
		h.conn = cn
		delete(cl.held, h)
		if h.asked {
			asked = append(asked, h)
		}
	}
	c.decideLocked(cl)
	return asked, nil
}

// carry makes the connection that of an owner and its locks. It reports false
// when it has broken.
func (cn *conn) carry(held []*Held, owner *api.RegisterResult) bool {
	cn.mu.Lock()
	defer cn.mu.Unlock()
	if !cn.works() {
		return false
	}
	cn.owner = owner
	for _, h := range held {
		cn.held[h] = struct{}{}
	}
	return true
}

// settled waits until no claim is open any more, which decides as what a new
// connection is registered.
func (c *Client) settled(ctx context.Context, cn *conn) error {
	c.mu.Lock()
	cl := c.claim
	c.mu.Unlock()
	if cl == nil {
		return nil
	}
	select {
	case cl.wake <- struct{}{}:
	default: // it is awake
	}
	cn.enter()
	defer cn.leave()
	select {
	case <-cl.decided:
		return nil
	case <-cn.broken:
		return cn.brokenError(api.OwnerRegister)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", api.OwnerRegister, context.Cause(ctx))
	}
}
