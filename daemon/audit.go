package daemon

import (
	"context"
	"time"

	"virtlock/client/api"
	"virtlock/daemon/internal/audit"
	"virtlock/daemon/internal/lockspace"
	"virtlock/daemon/internal/owner"
)

// history is the audit: what is changed by whom, for good (law 8). Events are for
// those who listen, and gone afterwards.
type history = audit.Trail[note]

// note is a record that is to be written. It is made under the table's mutex, so it
// has the change as it came; who writes puts it into words.
type note struct {
	seq    uint64
	time   time.Time
	kind   api.EventType
	by     *api.Caller // nil when nobody asked
	change lockspace.Change
	event  *api.Event // of all that is no change of the table
}

func newHistory(d *Daemon) *history {
	return audit.New(d.config.Settings.audit(), audit.Format[note]{
		Append: appendNote,
		Lost: func(n uint64, last note) note {
			return note{event: &api.Event{Seq: last.seq, Time: last.time, Type: api.EventLost, Lost: n}}
		},
		Complain: func(err error) {
			if err != nil {
				d.log.Error("cannot write the audit file, and goes on trying", "error", err)
			} else {
				d.log.Warn("the audit file can be written again")
			}
		},
	})
}

func (s Settings) audit() audit.Settings {
	return audit.Settings{File: s.AuditFile, MaxSize: int64(s.AuditMaxSize), Files: s.AuditFiles}
}

func appendNote(b []byte, n *note) []byte {
	event := n.event
	if event == nil {
		event = &api.Event{Seq: n.seq, Time: n.time, Type: n.kind}
		describeChange(event, n.change)
	}
	return appendRecord(b, event, n.by)
}

// audited reports whether a type of event is also a record. Who connects and who
// waits changes nothing.
func audited(kind api.EventType) bool {
	switch kind {
	case api.EventClientConnected, api.EventClientClosed, api.EventLockWaiting:
		return false
	}
	return true
}

// caller is who is at the other end, as records name it. It reads the name of the
// command, so it is to be called once before the connection can change anything, and
// not under the table's mutex.
func (c *conn) caller() *api.Caller {
	if by := c.by.Load(); by != nil {
		return by
	}
	by := c.plainCaller()
	by.Command = ownerName(owner.Command(c.peer.PID))
	c.by.CompareAndSwap(nil, by)
	return c.by.Load()
}

func (c *conn) plainCaller() *api.Caller {
	return &api.Caller{Client: c.id, PID: c.peer.PID, UID: c.peer.UID}
}

// callerOf is who asked on a connection; nil when it is gone.
func (d *Daemon) callerOf(client uint64) *api.Caller {
	if client == 0 || !d.history.On() {
		return nil
	}
	c := d.clients.get(client)
	if c == nil {
		return nil
	}
	if by := c.by.Load(); by != nil {
		return by
	}
	return c.plainCaller()
}

// endTime is how long the end of the daemon waits for records to be written.
const endTime = 2 * time.Second

func (d *Daemon) closeHistory() {
	ctx, cancel := context.WithTimeout(context.Background(), endTime)
	defer cancel()
	d.history.Close(ctx)
}
