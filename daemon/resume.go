package daemon

import (
	"context"
	"fmt"
	"log/slog"

	"virtlock/client/api"
	"virtlock/daemon/internal/handover"
	"virtlock/daemon/internal/lockspace"
)

// resume goes on with the work that was under way. The gate is shut still.
func (d *Daemon) resume() {
	r := d.resuming
	if r == nil {
		return
	}
	d.resuming = nil
	for _, p := range r.gone {
		d.processes.endGone(p)
	}
	defer d.config.Inherited.settle()
	defer d.gate.open()
	for i := range r.state.Waits {
		r.resumeWait(&r.state.Waits[i])
	}
	for _, c := range r.clients {
		if c.subscriber != nil {
			d.gate.bring(&c.calls, func() { c.tellEvents(c.subscriber) })
		}
		if len(c.in) > 0 {
			d.gate.bring(&d.poller.busy, c.resume)
		}
	}
	r.report()
	r.answerCallers()
}

func (r *restorer) resumeWait(h *handover.Wait) {
	c := r.clients[h.Client]
	if c == nil {
		return
	}
	owners := c.registrations()
	if h.Owner >= len(owners) {
		return
	}
	w := &wait{
		request: h.Request, registration: owners[h.Owner],
		since: timeOf(h.Since), deadline: fromNanoseconds(h.Deadline),
	}
	for _, resource := range h.Resources {
		w.wanted = append(w.wanted, requestOf(&handover.Hold{
			Space: resource.Space, Name: resource.Name, Shared: resource.Shared, Autocreate: resource.Autocreate,
		}))
	}
	if c.beginWait(w) == nil {
		c.waitFor(w, lockspace.Options{Again: true})
	}
}

// report says what was restored.
func (r *restorer) report() {
	held := r.table.Totals()
	kind, text := api.EventDaemonRestored, "took back what a former daemon had granted"
	if r.source == fromExec {
		kind, text = api.EventDaemonReexecuted, "was re-executed"
	}
	if r.source == fromLibvirt {
		text = "took over from libvirt's daemon"
	}
	if kind == api.EventDaemonRestored && held.Locks+held.Spaces-1+len(r.clients)+len(r.missing.all()) == 0 {
		return // a first start
	}
	level := slog.LevelInfo
	if r.source == fromJournal && held.Holders > 0 {
		// Nobody held the locks meanwhile; who has taken one is reported below.
		level, text = slog.LevelWarn, text+", and had no keeper"
	}
	r.log.Log(context.Background(), level, text, "locks", held.Locks, "holders", held.Holders, "lockspaces", held.Spaces-1,
		"clients", len(r.clients), "waiting", len(r.state.Waits), "from", fmt.Sprint(r.state.Program))
	message := fmt.Sprintf("%s, version %s; locks: %d, clients: %d", text, r.config.Version, held.Locks, len(r.clients))
	r.events.publish(kind, r.by(), func(e *api.Event) { e.Message = message })
	r.missing.report()
}

// by is who asked for the re-exec; nil when nobody did.
func (r *restorer) by() *api.Caller {
	for _, caller := range r.state.Callers {
		if c := r.clients[caller.Client]; c != nil {
			return c.caller()
		}
	}
	return nil
}

// answerCallers tells those who asked for the re-exec that it is done.
func (r *restorer) answerCallers() {
	result := r.reexecResult(len(r.clients))
	for _, caller := range r.state.Callers {
		if c := r.clients[caller.Client]; c != nil {
			r.gate.bring(&c.calls, func() { c.reply(caller.Request, result, nil) })
		}
	}
}
