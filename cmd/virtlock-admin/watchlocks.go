package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"virtlock/client"
	"virtlock/client/api"
)

// watchLocks returns why one of the locks of a process is gone, or nil when ctx
// is done. While the daemon is away its keeper has them; when it is back they are
// looked for.
func watchLocks(ctx context.Context, c *client.Client, held *client.Held, pid int) error {
	const pause = 200 * time.Millisecond
	for ctx.Err() == nil {
		events, err := c.Subscribe(ctx, "lock.forced", "lock.missing", "lock.released")
		if err == nil {
			err = firstLoss(ctx, c, events, held, pid)
			events.Close()
		}
		if loss, ok := err.(*lossError); ok {
			return loss
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return nil
}

// lossError says what became of a lock.
type lossError struct{ message string }

func (e *lossError) Error() string { return e.message }

// firstLoss waits until a lock goes, or the connection.
func firstLoss(ctx context.Context, c *client.Client, events *client.Subscription, held *client.Held, pid int) error {
	locks, err := c.Locks(ctx, api.LockFilter{Owner: strconv.Itoa(pid)})
	if err != nil {
		return err
	}
	for _, ours := range held.Locks() {
		if !slices.ContainsFunc(locks, func(l api.Lock) bool { return l.Lockspace == ours.Lockspace && l.Name == ours.Name }) {
			return &lossError{fmt.Sprintf("the daemon does not hold %q any more", ours.Name)}
		}
	}
	for {
		event, err := events.Next()
		if err != nil {
			return err
		}
		// One that was taken by force is released first; the reason comes after that.
		if isLoss(event, held, pid) && event.Reason != api.ReasonForced {
			return &lossError{fmt.Sprintf("%s of %q: %s", event.Type, event.Name, orDash(quote(event.Message+string(event.Reason))))}
		}
	}
}

// isLoss reports whether an event is the end of one of the locks.
func isLoss(event api.Event, held *client.Held, pid int) bool {
	return event.Owner != nil && event.Owner.PID == pid && event.Lockspace != nil &&
		slices.ContainsFunc(held.Locks(), func(l api.Lock) bool {
			return l.Lockspace == *event.Lockspace && l.Name == event.Name
		})
}
