package main

import (
	"context"
	"slices"
	"strings"

	"virtlock/client"
	"virtlock/client/api"
)

// extra says what else this guest holds, or nothing. libvirt keeps the lock on an image
// that was written by a commit until the guest ends, and has one on what a backup
// writes; its XML tells of neither.
func (d domain) extra(ctx context.Context, c *client.Client, list []lease) (string, error) {
	locks, err := c.Locks(ctx, api.LockFilter{})
	if err != nil {
		return "", err
	}
	var names []string
	for _, lock := range locks {
		mine := slices.ContainsFunc(lock.Holders, func(h api.Holder) bool { return d.isGuest(h.Owner.Name, h.Owner.UUID) })
		if mine && !asksFor(ctx, list, lock) {
			names = append(names, quote(lock.Path))
		}
	}
	if len(names) == 0 {
		return "", nil
	}
	return "the guest also holds what its XML does not ask for, as after a commit or during a backup: " + strings.Join(names, ", "), nil
}

// asksFor reports whether a lock is the one of a lease, perhaps under another name.
func asksFor(ctx context.Context, list []lease, lock api.Lock) bool {
	named := func(l lease) bool { return l.Mode != "" && l.Lockspace == lock.Lockspace && l.Name == lock.Name }
	if slices.ContainsFunc(list, named) {
		return true
	}
	id, err := identifyInTime(ctx, lock.Path)
	return err == nil && slices.ContainsFunc(list, func(l lease) bool {
		return l.Mode != "" && l.Lockspace == lock.Lockspace && l.State != stateUnknown && id.leadsTo(l.path)
	})
}
