package client

import (
	"context"

	"virtlock/client/api"
)

// CreateResource makes an empty file in a directory lockspace, which any number
// of callers may then lock without Autocreate. One that is there is no error.
func (c *Client) CreateResource(ctx context.Context, lockspace, name string) error {
	_, err := callOwned[api.Empty](ctx, c, api.ResourceCreate, api.ResourceName{Lockspace: lockspace, Name: name})
	return err
}

// DeleteResource removes such a file. It fails with ErrBusy when somebody holds
// it and with ErrNotFound when it is not there.
func (c *Client) DeleteResource(ctx context.Context, lockspace, name string) error {
	_, err := callOwned[api.Empty](ctx, c, api.ResourceDelete, api.ResourceName{Lockspace: lockspace, Name: name})
	return err
}
