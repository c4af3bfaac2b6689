package client

import (
	"context"

	"virtlock/client/api"
)

// Reexec replaces the program of the daemon by the one that is installed now, or by
// another one, and returns what runs then. The process stays, all locks and
// connections too; calls that wait go on to wait. It fails with ErrRefused when the
// new program is not fit to take over: then the old one goes on, and nothing has
// changed.
func (c *Client) Reexec(ctx context.Context, params api.ReexecParams) (api.ReexecResult, error) {
	return call[api.ReexecResult](ctx, c, api.DaemonReexec, params)
}
