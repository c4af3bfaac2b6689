package client

import (
	"context"

	"virtlock/client/api"
)

// Status asks the daemon for its version, its limits and what it counts.
func (c *Client) Status(ctx context.Context) (api.Status, error) {
	return call[api.Status](ctx, c, api.DaemonStatus, api.Empty{})
}
