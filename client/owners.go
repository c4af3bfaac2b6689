package client

import (
	"context"
	"errors"
	"time"

	"virtlock/client/api"
)

// Register makes the client's owner known to the daemon and returns who others
// will see as the holder of its locks. The calls that need it do so by
// themselves. It fails with ErrNotFound when the owner's process does not exist
// and with ErrDenied when it is another user's and the caller is not root.
func (c *Client) Register(ctx context.Context) (api.RegisterResult, error) {
	for again := true; ; again = false {
		cn, err := c.registered(ctx)
		if again && errors.Is(err, errNotSent) {
			continue
		}
		if err != nil {
			return api.RegisterResult{}, err
		}
		return *cn.registration(), nil
	}
}

// Restrict gives up the right to do anything more: every later call fails with
// ErrRestricted, also after the connection broke. What is held stays held. It is
// for a program that hands the connection to a less trusted one.
func (c *Client) Restrict(ctx context.Context) error {
	_, err := callOwned[api.Empty](ctx, c, api.OwnerRestrict, api.Empty{})
	if err == nil {
		c.mu.Lock()
		c.restricted = true
		c.mu.Unlock()
	}
	return err
}

// Fence ends the process of an owner, which frees its locks: with SIGTERM, and
// with SIGKILL when it lives on after the grace. 0 is the daemon's default of ten
// seconds, a negative grace kills at once. The reason goes into the log and the
// events, and must not be empty. Fence returns when that has begun, with the owner
// and what it holds. How it ends is told by an event, api.EventOwnerFenced or
// api.EventOwnerFenceFailed: subscribe before. Called again it may make the grace
// shorter.
//
// It fails with ErrNotFound when the process is no owner that the daemon knows,
// with ErrInvalid when it is the caller's own or the daemon's, and with ErrDenied
// when the daemon may not signal it.
func (c *Client) Fence(ctx context.Context, pid int, grace time.Duration, reason string) (api.FenceResult, error) {
	params := api.FenceParams{PID: pid, GraceMS: graceMS(grace), Reason: reason}
	return call[api.FenceResult](ctx, c, api.OwnerFence, params)
}

// graceMS is a grace in milliseconds, rounded up: 0 would mean another.
func graceMS(grace time.Duration) int64 {
	if grace < 0 {
		return -1
	}
	ms := grace.Milliseconds()
	if grace%time.Millisecond != 0 {
		ms++
	}
	return ms
}

// Owners lists the processes that are registered or hold locks, by their pid.
func (c *Client) Owners(ctx context.Context) ([]api.OwnerInfo, error) {
	result, err := call[api.OwnersResult](ctx, c, api.OwnerList, api.Empty{})
	return result.Owners, err
}

// registered returns a connection on which the owner is registered.
func (c *Client) registered(ctx context.Context) (*conn, error) {
	cn, err := c.connect(ctx)
	if err != nil || cn.registration() != nil {
		return cn, err
	}
	if err := c.settled(ctx, cn); err != nil {
		return nil, err
	}
	if err := cn.registering.take(ctx); err != nil {
		return nil, err
	}
	defer cn.registering.give()
	if cn.registration() != nil {
		return cn, nil
	}
	var owner api.RegisterResult
	params := api.RegisterParams{Owner: c.Owner, TiedTo: c.TiedTo}
	if err := cn.call(ctx, api.OwnerRegister, params, &owner, nil); err != nil {
		return nil, err
	}
	if err := c.verify(ctx, cn, owner.Owner); err != nil {
		return nil, err
	}
	cn.mu.Lock()
	cn.owner = &owner
	cn.mu.Unlock()
	return cn, nil
}

// registration is what the daemon answered to owner.register, or nil.
func (cn *conn) registration() *api.RegisterResult {
	cn.mu.Lock()
	defer cn.mu.Unlock()
	return cn.owner
}
