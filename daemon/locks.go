package daemon

import (
	"context"
	"encoding/json"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"virtlock/client/api"
	"virtlock/daemon/internal/lockspace"
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
	registration := c.registered()
	if p.WaitMS == 0 {
		return c.acquire(c.ctx, r.ID, registration.holder, wanted, lockspace.Options{})
	}
	// Not r and p: the wait may be long, and the request a MiB.
	w := &wait{request: r.ID, registration: registration, wanted: wanted, since: time.Now()}
	if p.WaitMS > 0 {
		w.deadline = w.since.Add(time.Duration(min(p.WaitMS, maxWaitMS)) * time.Millisecond)
	}
	if err := c.beginWait(w); err != nil {
		return c.reply(r.ID, nil, err)
	}
	c.waitFor(w, lockspace.Options{})
	return nil
}

// acquire takes locks and answers.
func (c *conn) acquire(ctx context.Context, id json.RawMessage, h lockspace.Holder, wanted []lockspace.Request, o lockspace.Options) error {
	locks, err := c.daemon.table.Acquire(ctx, h, wanted, o)
	return c.reply(id, api.LocksResult{Locks: apiLocks(locks)}, err)
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
	left, err := d.release(c.ctx, c.registered().holder, names)
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
