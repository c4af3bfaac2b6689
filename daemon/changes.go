package daemon

import (
	"context"
	"log/slog"

	"virtlock/client/api"
	"virtlock/daemon/internal/lockspace"
)

// eventTypes are what others see of the table's changes.
var eventTypes = map[lockspace.Kind]api.EventType{
	lockspace.Acquired:     api.EventLockAcquired,
	lockspace.Released:     api.EventLockReleased,
	lockspace.Refused:      api.EventLockRefused,
	lockspace.Waiting:      api.EventLockWaiting,
	lockspace.SpaceCreated: api.EventLockspaceCreated,
}

var reasons = map[lockspace.Reason]api.Reason{
	lockspace.Asked:            api.ReasonReleased,
	lockspace.OwnerExited:      api.ReasonOwnerExited,
	lockspace.ConnectionClosed: api.ReasonConnectionClosed,
	lockspace.Forced:           api.ReasonForced,
}

// changed is told of each change of the table, under the table's mutex.
func (d *Daemon) changed(c lockspace.Change) {
	if c.Kind == lockspace.FileKept {
		d.log.Warn("kept the file of a released lock", "path", c.Name.Path(), "error", c.Err)
		return
	}
	if c.Kind == lockspace.Acquired {
		d.forced.regained(c.Holder.Identity, c.Name)
	}
	kind := eventTypes[c.Kind]
	d.events.publishChange(kind, d.callerOf(c.By), c)
	if d.log.Enabled(context.Background(), slog.LevelInfo) {
		d.log.Info(string(kind), changeAttrs(c)...)
	}
}

func describeChange(e *api.Event, c lockspace.Change) {
	e.Lockspace = &c.Name.Space
	if c.Kind == lockspace.SpaceCreated {
		return
	}
	e.Name, e.Path, e.Client = c.Name.Name, c.Name.Path(), c.Holder.Client
	owner := apiOwner(c.Holder.Identity)
	e.Owner = &owner
	switch {
	case c.Busy != nil:
		e.Holders = apiHolders(c.Busy)
	case c.Kind == lockspace.Released:
		e.Reason = reasons[c.Reason]
		fallthrough
	default:
		e.Mode = apiMode(c.Mode)
	}
}

func changeAttrs(c lockspace.Change) []any {
	attrs := []any{"lockspace", c.Name.Space}
	if c.Kind == lockspace.SpaceCreated {
		return attrs
	}
	attrs = append(attrs, "name", c.Name.Name, "owner", c.Holder.Identity.Name,
		"uuid", c.Holder.Identity.UUID, "pid", c.Holder.Identity.PID, "client", c.Holder.Client)
	switch c.Kind {
	case lockspace.Refused, lockspace.Waiting:
		return append(attrs, "because", busyText(c.Busy))
	case lockspace.Released:
		attrs = append(attrs, "reason", string(reasons[c.Reason]))
	}
	return append(attrs, "mode", string(apiMode(c.Mode)))
}
