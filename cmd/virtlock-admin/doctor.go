package main

import (
	"context"
	"fmt"
	"time"

	"virtlock/client"
	"virtlock/client/api"
)

// severity says how bad a finding is.
type severity string

const (
	fine    severity = "ok"
	warning severity = "warning"
	failure severity = "error"
)

// severities are all, from the least.
var severities = []severity{fine, warning, failure}

// finding is what doctor has found out about one thing.
type finding struct {
	Severity severity `json:"severity"`
	// Check is what was looked at, Message what was found.
	Check   string `json:"check"`
	Message string `json:"message"`
	// Why says what can come of it, and Mend is the command that mends it.
	Why  string `json:"why,omitempty"`
	Mend string `json:"mend,omitempty"`
	// Files are those that it is about, where there may be many.
	Files []string `json:"files,omitempty"`
}

// doctor looks for what is wrong with the locks of this host. It changes nothing.
type doctor struct {
	e        *env
	answered bool
	status   api.Status
	locks    []api.Lock
	spaces   []api.Lockspace
	guests   []scanned
	others   []scanned // virtlockds beside the one that was asked
	hidden   int
	findings []finding
}

// add notes a finding.
func (d *doctor) add(s severity, check, message, why, mend string) {
	d.findings = append(d.findings, finding{Severity: s, Check: check, Message: message, Why: why, Mend: mend})
}

func (d *doctor) ok(check, format string, args ...any) {
	d.add(fine, check, fmt.Sprintf(format, args...), "", "")
}

// examine looks at everything.
func (d *doctor) examine(ctx context.Context) {
	limited, cancel := d.e.limit(ctx)
	defer cancel()
	d.checkDaemon(limited)
	d.scan()
	if d.answered {
		d.checkKeeper()
		d.checkMissing()
		d.checkLimits()
	}
	d.checkSockets()
	for _, space := range d.spaces {
		if space.Path != "" {
			d.checkLockspace(ctx, space.Path)
		}
	}
	d.checkDirect(ctx)
	d.checkDevices()
	d.checkGuests()
	d.checkLibvirt()
}

// checkDaemon asks the daemon for all that the other checks need.
func (d *doctor) checkDaemon(ctx context.Context) {
	const check = "daemon"
	_, err := ask(ctx, d.e, func(ctx context.Context, c *client.Client) (_ api.Empty, err error) {
		if d.status, err = settled(ctx, c.Status, keeperPause); err == nil {
			d.locks, err = c.Locks(ctx, api.LockFilter{})
		}
		if err == nil {
			d.spaces, err = c.Lockspaces(ctx)
		}
		return api.Empty{}, err
	})
	if err != nil {
		d.addUnanswered(err)
		return
	}
	d.answered = true
	if replaced(d.status.PID) {
		d.add(warning, check, fmt.Sprintf("process %d runs a program that was replaced since", d.status.PID),
			"what the new one has mended is not mended yet", "virtlock-admin reexec")
		return
	}
	d.ok(check, "process %d, version %s, %s held", d.status.PID, quote(d.status.Version), plural(d.status.Locks, "lock"))
}

// keeperPause is the time between two looks at a keeper that does not have all yet.
const keeperPause = 100 * time.Millisecond

// settled is the status when the keeper has all locks, or has not got them in a while:
// for a moment it lacks some whenever locks come and go.
func settled(ctx context.Context, status func(context.Context) (api.Status, error), pause time.Duration) (api.Status, error) {
	const looks = 20
	for i := 1; ; i++ {
		s, err := status(ctx)
		if err != nil || i == looks || s.Keeper == nil || s.Keeper.Complete {
			return s, err
		}
		select {
		case <-ctx.Done():
			return s, context.Cause(ctx)
		case <-time.After(pause):
		}
	}
}

// checkKeeper looks whether the locks would outlive the daemon.
func (d *doctor) checkKeeper() {
	const check, mend = "keeper", "virtlock-admin reexec"
	k := d.status.Keeper
	switch {
	case k == nil && d.status.Locks == 0:
		d.ok(check, "none, and no lock that would need one")
	case k == nil:
		d.add(failure, check, "none, though locks are held", "all locks would be free if the daemon ended now", mend)
	case !findProcess(k.PID).alive:
		d.add(failure, check, fmt.Sprintf("process %d is dead", k.PID), "all locks would be free if the daemon ended now", mend)
	case !k.Complete:
		d.add(warning, check, fmt.Sprintf("process %d does not have all locks yet", k.PID), "some would be free if the daemon ended now", mend)
	default:
		d.ok(check, "process %d, alive and complete: %s", k.PID, plural(k.Locks, "lock"))
	}
}

// checkMissing looks for owners whose lock nobody holds.
func (d *doctor) checkMissing() {
	for _, lock := range d.status.Missing {
		d.add(failure, "missing lock", missing(lock), "it writes a disk that somebody else may have by now",
			fmt.Sprintf("virtlock-admin who %s", shellWord(lock.Path)))
	}
	if len(d.status.Missing) == 0 {
		d.ok("missing lock", "none")
	}
}

// checkLimits compares limits with what is in use.
func (d *doctor) checkLimits() {
	s := d.status
	d.checkLimit("clients", s.Clients, s.MaxClients, "virtlock-admin limits --max-clients %d; to keep it: max_clients in virtlockd.conf")
	d.checkLimit("admin clients", s.AdminClients, s.AdminMaxClients, "virtlock-admin limits --admin-max-clients %d; to keep it: admin_max_clients in virtlockd.conf")
	d.checkLimit("open files", s.OpenFiles, s.MaxOpenFiles, "LimitNOFILE=%d with systemctl edit virtlockd, and at the next start of it")
}

func (d *doctor) checkLimit(what string, used, limit int, mend string) {
	message := fmt.Sprintf("%d of %d in use", used, limit)
	const why = "what comes beyond the limit is refused, and guests do not start"
	switch {
	case used >= limit:
		d.add(failure, what, message, why, fmt.Sprintf(mend, 2*limit))
	case used*5 >= limit*4:
		d.add(warning, what, message, why, fmt.Sprintf(mend, 2*limit))
	default:
		d.ok(what, "%s", message)
	}
}
