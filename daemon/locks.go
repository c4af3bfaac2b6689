package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"virtlock/client/api"
	"virtlock/daemon/internal/lockspace"
)

// What of one connection may wait.
const (
	maxWaiting    = 64               // calls
	maxWaitingFor = api.MaxResources // resources that these name together
)

// lockAcquire answers lock.acquire.
func (c *conn) lockAcquire(r *request) error {
	var p api.AcquireParams
	if err := decode(r.Params, &p); err != nil {
		return c.reply(r.ID, nil, err)
	}
	wanted, err := requests(p.Resources)
	if err != nil {
		return c.reply(r.ID, nil, err)
	}
	holder := c.registered().holder
	if p.WaitMS == 0 {
		return c.acquire(c.ctx, r.ID, holder, wanted, lockspace.Options{})
	}
	if err := c.beginWait(len(wanted)); err != nil {
		return c.reply(r.ID, nil, err)
	}
	// Not r and p: the wait may be long, and the request a MiB.
	id, waitMS := r.ID, p.WaitMS
	c.spawn(func(ctx context.Context, queued func()) {
		defer c.endWait(len(wanted))
		if waitMS > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, time.Duration(min(waitMS, maxWaitMS))*time.Millisecond)
			defer cancel()
		}
		c.acquire(ctx, id, holder, wanted, lockspace.Options{Wait: true, Queued: queued})
	})
	return nil
}

// maxWaitMS is the longest wait that time.Duration can tell, about 292 years.
const maxWaitMS = int64(1<<63-1) / int64(time.Millisecond)

// acquire takes locks and answers.
func (c *conn) acquire(ctx context.Context, id json.RawMessage, h lockspace.Holder, wanted []lockspace.Request, o lockspace.Options) error {
	locks, err := c.daemon.table.Acquire(ctx, h, wanted, o)
	return c.reply(id, api.LocksResult{Locks: apiLocks(locks)}, err)
}

// beginWait counts a call that may wait, and the resources that it names. It
// fails with a *limitError.
func (c *conn) beginWait(resources int) error {
	const hint = "wait for some of them to end"
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.waiting == maxWaiting:
		return &limitError{fmt.Sprintf("too many calls of this connection wait, at most %d", maxWaiting), hint}
	case c.waitingFor+resources > maxWaitingFor:
		return &limitError{fmt.Sprintf("the calls of this connection that wait name too many resources, at most %d", maxWaitingFor), hint}
	}
	c.waiting++
	c.waitingFor += resources
	return nil
}

func (c *conn) endWait(resources int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting--
	c.waitingFor -= resources
}

// requests reads what a call wants to lock.
func requests(resources []api.Resource) ([]lockspace.Request, error) {
	if err := checkCount(len(resources)); err != nil {
		return nil, err
	}
	wanted := make([]lockspace.Request, len(resources))
	for i, r := range resources {
		mode, ok := tableMode(r.Mode)
		if !ok {
			return nil, invalid("unknown mode %q", r.Mode)
		}
		wanted[i] = lockspace.Request{
			Name: lockspace.Name{Space: r.Lockspace, Name: r.Name}, Mode: mode, Autocreate: r.Autocreate,
		}
	}
	return wanted, nil
}

func tableMode(m api.Mode) (lockspace.Mode, bool) {
	switch m {
	case api.Exclusive, "":
		return lockspace.Exclusive, true
	case api.Shared:
		return lockspace.Shared, true
	}
	return 0, false
}

func checkCount(n int) error {
	if n == 0 || n > api.MaxResources {
		return invalid("%d resources named, of 1 to %d", n, api.MaxResources)
	}
	return nil
}

// lockRelease answers lock.release.
func (d *Daemon) lockRelease(c *conn, p api.ReleaseParams) (api.LocksResult, error) {
	if err := checkCount(len(p.Resources)); err != nil {
		return api.LocksResult{}, err
	}
	names := make([]lockspace.Name, len(p.Resources))
	for i, r := range p.Resources {
		names[i] = lockspace.Name{Space: r.Lockspace, Name: r.Name}
	}
	left, err := d.table.Release(c.ctx, c.registered().holder.Owner, names)
	return api.LocksResult{Locks: apiLocks(left)}, err
}

// lockList answers lock.list.
func (d *Daemon) lockList(_ *conn, f api.LockFilter) (api.LocksResult, error) {
	if _, ok := tableMode(f.Mode); !ok {
		return api.LocksResult{}, invalid("unknown mode %q", f.Mode)
	}
	for _, pattern := range []string{f.Name, f.Owner} {
		if _, err := path.Match(pattern, ""); err != nil {
			return api.LocksResult{}, invalid("bad pattern %q", pattern)
		}
	}
	locks := d.table.Locks()
	locks = slices.DeleteFunc(locks, func(l lockspace.Lock) bool { return !matches(f, l) })
	return api.LocksResult{Locks: apiLocks(locks)}, nil
}

func matches(f api.LockFilter, l lockspace.Lock) bool {
	return (f.Lockspace == nil || *f.Lockspace == l.Space) &&
		(f.Name == "" || glob(f.Name, l.Name.Name)) &&
		(f.Mode == "" || f.Mode == apiMode(l.Mode)) &&
		(f.Owner == "" || slices.ContainsFunc(l.Holders, func(h lockspace.Hold) bool {
			return isOwner(f.Owner, h.Identity)
		}))
}

func isOwner(pattern string, i *lockspace.Identity) bool {
	return glob(pattern, i.Name) || strings.EqualFold(pattern, i.UUID) || pattern == strconv.Itoa(i.PID)
}

// slashes puts a NUL, which neither a pattern nor a name has, for each slash.
var slashes = strings.NewReplacer("/", "\x00")

// glob matches a pattern like path.Match, but its stars match slashes too.
func glob(pattern, s string) bool {
	ok, _ := path.Match(slashes.Replace(pattern), slashes.Replace(s)) // a bad pattern was refused
	return ok
}

// lockInspect answers lock.inspect.
func (d *Daemon) lockInspect(_ *conn, p api.ResourceName) (api.InspectResult, error) {
	lock, aliases, waiters, err := d.table.Inspect(lockspace.Name{Space: p.Lockspace, Name: p.Name})
	if err != nil {
		return api.InspectResult{}, err
	}
	r := api.InspectResult{Lock: apiLock(lock), Aliases: apiLocks(aliases), Waiters: make([]api.Waiter, len(waiters))}
	for i, w := range waiters {
		r.Waiters[i] = api.Waiter{Owner: apiOwner(w.Identity), Client: w.Client, Since: w.Since, Mode: apiMode(w.Mode)}
	}
	return r, nil
}
