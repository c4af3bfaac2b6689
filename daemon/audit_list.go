package daemon

import (
	"context"
	"encoding/json"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"virtlock/client/api"
	"virtlock/daemon/internal/audit"
)

// maxRecords is the most records of one answer.
const maxRecords = 1000

// auditFlushTime is how long audit.list waits for what was noted down just now.
const auditFlushTime = 500 * time.Millisecond

// clockTime is how far a clock may have been set back between records: those that are
// in a file before one that is older by more than this are older as well.
const clockTime = time.Hour

// auditList answers audit.list. It reads files, and so it may take a while; it keeps
// nothing that others need.
func (d *Daemon) auditList(c *conn, f api.AuditFilter) (api.AuditResult, error) {
	if err := checkAuditFilter(f); err != nil {
		return api.AuditResult{}, err
	}
	settings := d.history.Settings()
	if settings.File == "" {
		return api.AuditResult{}, errNoHistory
	}
	ctx, cancel := context.WithTimeout(c.ctx, auditFlushTime)
	defer cancel()
	d.history.Flush(ctx)
	r := recordReader{filter: f, limit: f.Limit, ctx: c.ctx}
	if r.limit == 0 {
		r.limit = maxRecords
	}
	if err := audit.Backwards(settings, r.see); err != nil {
		return api.AuditResult{}, err
	}
	if err := c.ctx.Err(); err != nil {
		return api.AuditResult{}, err
	}
	slices.Reverse(r.found)
	return api.AuditResult{Records: append([]api.AuditRecord{}, r.found...), More: r.more}, nil
}

func checkAuditFilter(f api.AuditFilter) error {
	if f.Limit < 0 || f.Limit > maxRecords {
		return invalid("a limit of %d, of 1 to %d", f.Limit, maxRecords)
	}
	if len(f.Types) > maxPatterns {
		return invalid("%d patterns of event types, of at most %d", len(f.Types), maxPatterns)
	}
	for _, pattern := range append([]string{f.Name, f.Owner}, f.Types...) {
		if _, err := path.Match(pattern, ""); err != nil {
			return invalid("bad pattern %q", pattern)
		}
	}
	return nil
}

// recordReader collects records, the latest first.
type recordReader struct {
	filter api.AuditFilter
	limit  int
	ctx    context.Context // of who asks
	found  []api.AuditRecord
	more   bool
}

// see looks at a line, and reports whether earlier ones are of interest. What is no
// record, be it the rest of one that was written when the disk was full, is passed
// over.
func (r *recordReader) see(line []byte) bool {
	if r.ctx.Err() != nil {
		return false
	}
	var record api.AuditRecord
	if json.Unmarshal(line, &record) != nil || record.Type == "" {
		return true
	}
	if record.Time.Before(r.filter.Since) {
		return r.filter.Since.Sub(record.Time) < clockTime
	}
	if !matchesRecord(r.filter, &record) {
		return true
	}
	if len(r.found) == r.limit {
		r.more = true
		return false
	}
	r.found = append(r.found, record)
	return true
}

func matchesRecord(f api.AuditFilter, r *api.AuditRecord) bool {
	return (f.Until.IsZero() || !r.Time.After(f.Until)) &&
		(len(f.Types) == 0 || slices.ContainsFunc(f.Types, func(pattern string) bool {
			ok, _ := path.Match(pattern, string(r.Type)) // a bad pattern was refused
			return ok
		})) &&
		(f.Lockspace == nil || r.Lockspace != nil && *r.Lockspace == *f.Lockspace) &&
		(f.Name == "" || r.Name != "" && glob(f.Name, r.Name)) &&
		(f.Owner == "" || r.Owner != nil && isRecordOwner(f.Owner, r.Owner))
}

func isRecordOwner(pattern string, o *api.Owner) bool {
	return glob(pattern, o.Name) || strings.EqualFold(pattern, o.UUID) || pattern == strconv.Itoa(o.PID)
}
