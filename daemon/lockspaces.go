package daemon

import (
	"errors"

	"virtlock/client/api"
	"virtlock/daemon/internal/lockspace"
)

// lockspaceCreate answers lockspace.create.
func (d *Daemon) lockspaceCreate(c *conn, p api.LockspaceParams) (api.Empty, error) {
	return api.Empty{}, c.ensureSpace(p.Path)
}

// ensureSpace makes a directory a lockspace, unless it is one already.
func (c *conn) ensureSpace(path string) error {
	err := c.createSpace(path)
	var exists *lockspace.SpaceExistsError
	if errors.As(err, &exists) {
		return nil
	}
	return err
}

// createSpace makes a directory a lockspace.
func (c *conn) createSpace(path string) error {
	c.caller()
	return c.daemon.table.CreateSpace(path, c.id)
}

// lockspaceList answers lockspace.list.
func (d *Daemon) lockspaceList(*conn, api.Empty) (api.LockspacesResult, error) {
	spaces := d.table.Spaces()
	r := api.LockspacesResult{Lockspaces: make([]api.Lockspace, len(spaces))}
	for i, s := range spaces {
		r.Lockspaces[i] = api.Lockspace{Path: s.Path, Locks: s.Locks}
	}
	return r, nil
}

// resourceCreate answers resource.create.
func (d *Daemon) resourceCreate(_ *conn, p api.ResourceName) (api.Empty, error) {
	return api.Empty{}, d.table.CreateResource(lockspace.Name{Space: p.Lockspace, Name: p.Name})
}

// resourceDelete answers resource.delete.
func (d *Daemon) resourceDelete(c *conn, p api.ResourceName) (api.Empty, error) {
	return api.Empty{}, d.table.DeleteResource(c.ctx, lockspace.Name{Space: p.Lockspace, Name: p.Name})
}
