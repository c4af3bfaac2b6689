package client

import (
	"context"

	"virtlock/client/api"
)

// Log changes how the daemon logs, where the params say something, and returns how it
// does then. It lasts until the daemon reads its configuration again. It fails with
// ErrInvalid when something in the params is not valid or a file cannot be opened:
// then nothing has changed.
func (c *Client) Log(ctx context.Context, params api.LogParams) (api.LogSettings, error) {
	return call[api.LogSettings](ctx, c, api.DaemonLog, params)
}

// Limits changes the limits of the daemon, where the params say something, and returns
// what they are then. It lasts until the daemon reads its configuration again. It fails
// with ErrInvalid when one of them makes no sense: then nothing has changed.
func (c *Client) Limits(ctx context.Context, params api.LimitsParams) (api.Limits, error) {
	return call[api.Limits](ctx, c, api.DaemonLimits, params)
}
