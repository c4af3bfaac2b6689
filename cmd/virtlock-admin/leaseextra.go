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
		if mine && !asksFor(list, lock) {
			names = append(names, quote(lock.Path))
		}
	}
	if len(names) == 0 {
		return "", nil
	}
	return "the guest also holds what its XML does not ask for, as after a commit or during a backup: " + strings.Join(names, ", "), nil
}

// asksFor reports whether a lock is the one of a lease, perhaps under another name.
func asksFor(list []lease, lock api.Lock) bool {
	id, known := lockedFile(lock)
	return slices.ContainsFunc(list, func(l lease) bool {
		if l.Mode == "" || l.Lockspace != lock.Lockspace {
			return false
		}
		return l.Name == lock.Name || known && l.Lockspace == "" && id == l.id
	})
}
