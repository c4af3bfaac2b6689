package client

import (
	"context"

	"virtlock/client/api"
)

// CreateLockspace makes a directory a lockspace. path has to be absolute; the
// directory is made when it is missing. One that is known is no error.
func (c *Client) CreateLockspace(ctx context.Context, path string) error {
	_, err := call[api.Empty](ctx, c, api.LockspaceCreate, api.LockspaceParams{Path: path})
	return err
}

// Lockspaces lists the lockspaces by path, the direct one first.
func (c *Client) Lockspaces(ctx context.Context) ([]api.Lockspace, error) {
	result, err := call[api.LockspacesResult](ctx, c, api.LockspaceList, api.Empty{})
	return result.Lockspaces, err
}
