package main

import (
	"context"
	"slices"
	"strings"

	"virtlock/client"
	"virtlock/client/api"
)

// extra says what else this guest holds, or nothing. libvirt keeps the lock on an image
// that was written by a commit until the guest ends, and its XML does not tell.
func (d domain) extra(ctx context.Context, c *client.Client, list []lease) (string, error) {
	locks, err := c.Locks(ctx, api.LockFilter{})
	if err != nil {
		return "", err
	}
	var names []string
	for _, lock := range locks {
		mine := slices.ContainsFunc(lock.Holders, func(h api.Holder) bool { return d.isGuest(h.Owner.Name, h.Owner.UUID) })
		if mine && !slices.ContainsFunc(list, func(l lease) bool { return l.asksFor(lock) }) {
			names = append(names, quote(lock.Path))
		}
	}
	if len(names) == 0 {
		return "", nil
	}
	return "the guest also holds what its XML does not ask for, until it ends: " + strings.Join(names, ", "), nil
}

// asksFor reports whether a lock is the one of the lease, perhaps under another name.
func (l *lease) asksFor(lock api.Lock) bool {
	if l.Mode == "" || l.Lockspace != lock.Lockspace {
		return false
	}
	id, ok := lockedFile(lock)
	return l.Name == lock.Name || ok && id.leadsTo(l.path)
}
