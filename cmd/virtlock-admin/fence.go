package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"virtlock/client"
	"virtlock/client/api"
)

// The daemon's times: how long an owner has after SIGTERM, and how long it may take
// to die after SIGKILL.
const (
	usualGrace = 10 * time.Second
	killTime   = 5 * time.Second
)

// fence ends an owner, and waits until its locks are free.
func (e *env) fence(ctx context.Context, owner api.Owner, grace time.Duration, reason string) error {
	patience := max(grace, 0)
	if grace == 0 {
		patience = usualGrace
	}
	if e.options.timeout > 0 {
		limited, cancel := context.WithTimeoutCause(ctx, patience+killTime+e.options.timeout, errNoAnswer)
		defer cancel()
		ctx = limited
	}
	// Before the call: the end may come at once.
	events, err := e.subscribe(ctx, []string{string(api.EventOwnerFenced), string(api.EventOwnerFenceFailed)})
	if err != nil {
		return err
	}
	defer events.Close()
	_, err = ask(ctx, e, func(ctx context.Context, c *client.Client) (api.FenceResult, error) {
		return c.Fence(ctx, owner.PID, grace, reason)
	})
	if errors.Is(err, client.ErrNotFound) {
		return nil // it has ended by itself
	}
	if err != nil {
		return err
	}
	if !e.options.quiet {
		fmt.Fprintf(e.err, "waiting for the end of %s\n", ownerTitles([]api.Owner{owner}))
	}
	for {
		event, err := events.Next()
		switch {
		case err != nil:
			return err
		case event.Owner == nil || event.Owner.PID != owner.PID:
		case event.Type == api.EventOwnerFenced:
			return nil
		default:
			return fmt.Errorf("%s could not be ended, and keeps its locks: %s", ownerTitles([]api.Owner{owner}), quote(event.Message))
		}
	}
}
