package client

import (
	"context"

	"virtlock/client/api"
)

// Audit lists what happened to the locks, and who brought it about, as the daemon has
// noted it down in files: the latest records that match the filter, by time. The zero
// filter matches all. It fails with ErrNotFound when the daemon keeps no history.
func (c *Client) Audit(ctx context.Context, filter api.AuditFilter) (api.AuditResult, error) {
	return call[api.AuditResult](ctx, c, api.AuditList, filter)
}
