package client

import (
	"context"

	"virtlock/client/api"
)

// ForceRelease takes locks from their owners, who are neither asked nor ended: what
// the params name, from owners that have ended, and with LeaveRunning from those that
// live too. It returns what was released and what was refused because its owner
// lives; with DryRun it changes nothing. An owner that lives gets ErrForced when it
// comes to give the lock back.
//
// It fails with ErrNotFound when nobody holds one of the resources, or the process is
// no owner that the daemon knows, and with ErrDenied when only others than OwnerPID
// hold one. Then nothing is released.
func (c *Client) ForceRelease(ctx context.Context, params api.ForceReleaseParams) (api.ForceReleaseResult, error) {
	return call[api.ForceReleaseResult](ctx, c, api.LockForce, params)
}
