package client

import (
	"context"
	"time"

	"virtlock/client/api"
)

// verify looks whether the locks tied to the owner's process are still there,
// on a connection that is new.
func (c *Client) verify(ctx context.Context, cn *conn, owner api.Owner) error {
	held := c.tiedToProcess()
	if len(held) == 0 {
		return nil
	}
	locks, err := cn.locksOf(ctx, owner.PID)
	if err != nil {
		return err
	}
	for _, h := range held {
		if !h.among(locks, owner.PID) && h.drop() {
			h.lose()
		}
	}
	return nil
}

func (c *Client) tiedToProcess() []*Held {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]*Held, 0, len(c.held))
	for h := range c.held {
		list = append(list, h)
	}
	return list
}

// among reports whether all of h is in a list of locks, held by the process
// since the same time.
func (h *Held) among(locks []api.Lock, pid int) bool {
	for i, ours := range h.locks {
		if !heldSince(locks, ours, pid, h.since[i]) {
			return false
		}
	}
	return true
}

func heldSince(locks []api.Lock, ours api.Lock, pid int, since time.Time) bool {
	for _, lock := range locks {
		if lock.Lockspace != ours.Lockspace || lock.Name != ours.Name {
			continue
		}
		for _, holder := range lock.Holders {
			if holder.Owner.PID == pid && holder.Since.Equal(since) {
				return true
			}
		}
	}
	return false
}
