package client

import (
	"context"

	"virtlock/client/api"
)

// CreateResource makes an empty file in a directory lockspace, to be locked
// without Autocreate. One that is there is no error; it fails with ErrBusy when
// it is held.
func (c *Client) CreateResource(ctx context.Context, lockspace, name string) error {
	_, err := callOwned[api.Empty](ctx, c, api.ResourceCreate, api.ResourceName{Lockspace: lockspace, Name: name})
	return err
}

// DeleteResource removes such a file. One that is missing is no error. It fails
// with ErrBusy when somebody holds it, under whatever name, and with ErrInvalid
// when there is something in it.
func (c *Client) DeleteResource(ctx context.Context, lockspace, name string) error {
	_, err := callOwned[api.Empty](ctx, c, api.ResourceDelete, api.ResourceName{Lockspace: lockspace, Name: name})
	return err
}
