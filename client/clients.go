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

// CloseClient closes a connection to the daemon by its number, and does nothing else:
// nobody is ended, and what is tied to a process stays held. The reason goes into the
// history and must not be empty. It fails with ErrNotFound when there is no such
// connection, and with ErrInvalid when it is this client's own.
func (c *Client) CloseClient(ctx context.Context, id uint64, reason string) error {
	_, err := call[api.Empty](ctx, c, api.ClientClose, api.ClientCloseParams{Client: id, Reason: reason})
	return err
}
