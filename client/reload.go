package client

import (
	"context"

	"virtlock/client/api"
)

// Reload makes the daemon read its configuration again. It fails with ErrRefused when
// there is a mistake in it: then all settings stay as they were.
func (c *Client) Reload(ctx context.Context) error {
	_, err := call[api.Empty](ctx, c, api.DaemonReload, api.Empty{})
	return err
}
