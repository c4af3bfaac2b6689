package client

import (
	"context"

	"virtlock/client/api"
)

// Clients lists the connections to the daemon, this one too, by their number.
func (c *Client) Clients(ctx context.Context) ([]api.Client, error) {
	result, err := call[api.ClientsResult](ctx, c, api.ClientList, api.Empty{})
	return result.Clients, err
}
