package daemon

import (
	"fmt"

	"virtlock/client/api"
)

// clientClose answers client.close: it closes a connection and does nothing else. Who
// is at its other end lives on, and keeps what is tied to its process (law 5).
func (d *Daemon) clientClose(c *conn, p api.ClientCloseParams) (api.Empty, error) {
	if err := checkReason(p.Reason, "why the connection has to be closed"); err != nil {
		return api.Empty{}, err
	}
	if p.Client == c.id {
		return api.Empty{}, invalid("a client does not close its own connection so: it may just close it")
	}
	target := d.clients.get(p.Client)
	if target == nil || target.ctx.Err() != nil {
		return api.Empty{}, &noClientError{p.Client}
	}
	d.forceClosed(target, c, p.Reason)
	return api.Empty{}, nil
}

// forceClosed closes a connection for an administrator.
func (d *Daemon) forceClosed(target, by *conn, reason string) {
	d.log.Warn("an administrator closes a connection", "client", target.id, "pid", target.peer.PID,
		"by", by.id, "by_pid", by.peer.PID, "reason", reason)
	d.events.publish(api.EventClientForced, by.caller(), func(e *api.Event) {
		e.Client, e.Message = target.id, reason
		if r := target.registered(); r != nil {
			owner := apiOwner(r.holder.Identity)
			e.Owner = &owner
		}
	})
	target.disconnect()
}

// noClientError says that there is no connection of a number.
type noClientError struct{ id uint64 }

func (e *noClientError) Error() string { return fmt.Sprintf("there is no client %d", e.id) }
