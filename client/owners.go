package client

import (
	"context"
	"errors"

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

// registered returns a connection on which the owner is registered.
func (c *Client) registered(ctx context.Context) (*conn, error) {
	cn, err := c.connect(ctx)
	if err != nil || cn.registration() != nil {
		return cn, err
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
