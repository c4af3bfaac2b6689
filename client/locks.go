package client

import (
	"context"
	"errors"
	"time"

	"virtlock/client/api"
)

// Forever makes Acquire wait until its context is done.
const Forever time.Duration = -1

// Acquire takes all of the resources, or none, and returns what gives them
// back. With wait 0 it tries once; otherwise it waits that long, or Forever, in
// the order of arrival, and then fails with ErrBusy. The error says who holds
// the resource. Where ctx has a deadline, waiting ends shortly before it, so
// that this answer still comes.
//
// When ctx is done first nothing stays held: a grant that comes all the same is
// given back when it comes.
//
// It fails with ErrInvalid when the same file is named twice, one of them
// exclusive, and with ErrNotFound when a file or lockspace does not exist.
func (c *Client) Acquire(ctx context.Context, wait time.Duration, resources ...api.Resource) (*Held, error) {
	for again := true; ; again = false {
		held, err := c.acquire(ctx, wait, resources)
		if again && errors.Is(err, errNotSent) {
			continue
		}
		return held, err
	}
}

func (c *Client) acquire(ctx context.Context, wait time.Duration, resources []api.Resource) (*Held, error) {
	cn, err := c.registered(ctx)
	if err != nil {
		return nil, err
	}
	cn.enter()
	defer cn.leave()
	// A null instead of the empty list would be of the wrong type.
	params := api.AcquireParams{Resources: append([]api.Resource{}, resources...), WaitMS: waitMS(ctx, wait)}
	var result api.LocksResult
	err = cn.call(ctx, api.LockAcquire, params, &result, func(m message) { c.giveBack(cn, m) })
	if err == nil {
		return c.hold(cn, result.Locks), nil
	}
	if ctx.Err() != nil && c.TiedTo != api.TiedToProcess {
		// The daemon ends the wait with the connection.
		cn.dropUnused()
	}
	return nil, err
}

// waitMS is wait in milliseconds, rounded up. A deadline of ctx makes it
// shorter, by a tenth and at most 250 ms, which is the time for the answer.
func waitMS(ctx context.Context, wait time.Duration) int64 {
	deadline, ok := ctx.Deadline()
	if ok && wait != 0 {
		left := time.Until(deadline)
		left = max(left-min(left/10, 250*time.Millisecond), 0)
		if wait < 0 || left < wait {
			wait = left
		}
	}
	if wait < 0 {
		return -1
	}
	return int64((wait + time.Millisecond - 1) / time.Millisecond)
}

// giveBack releases what was granted to a call whose caller has gone.
func (c *Client) giveBack(cn *conn, m message) {
	var granted api.LocksResult
	if m.answer(api.LockAcquire, &granted) != nil {
		return
	}
	cn.spawn(func() {
		// A failure has nobody to tell, and nothing to do: the connection
		// is broken, or the lock is gone.
		_ = cn.release(names(granted.Locks))
	})
}

// release gives locks back on a connection, however long that takes.
func (cn *conn) release(resources []api.ResourceName) error {
	var result api.LocksResult
	return cn.call(context.Background(), api.LockRelease, api.ReleaseParams{Resources: resources}, &result, nil)
}

// names are what to say to release locks.
func names(locks []api.Lock) []api.ResourceName {
	list := make([]api.ResourceName, len(locks))
	for i, lock := range locks {
		list[i] = api.ResourceName{Lockspace: lock.Lockspace, Name: lock.Name}
	}
	return list
}

// Release gives resources back by name, all or none, and returns them as they
// are then. It is for locks of the client's owner for which there is no Held,
// because another program or an earlier connection took them for the process.
// It fails with ErrNotFound when nobody holds one of them, and with ErrDenied
// when only others do.
func (c *Client) Release(ctx context.Context, resources ...api.ResourceName) ([]api.Lock, error) {
	params := api.ReleaseParams{Resources: append([]api.ResourceName{}, resources...)}
	result, err := callOwned[api.LocksResult](ctx, c, api.LockRelease, params)
	return result.Locks, err
}

// Locks lists the locks that match the filter, by lockspace and name. The zero
// filter matches all.
func (c *Client) Locks(ctx context.Context, filter api.LockFilter) ([]api.Lock, error) {
	result, err := call[api.LocksResult](ctx, c, api.LockList, filter)
	return result.Locks, err
}

// Inspect returns one lock with the other names of its file and with those who
// wait for it. It fails with ErrNotFound when nobody holds the resource.
func (c *Client) Inspect(ctx context.Context, lockspace, name string) (api.InspectResult, error) {
	return call[api.InspectResult](ctx, c, api.LockInspect, api.ResourceName{Lockspace: lockspace, Name: name})
}
