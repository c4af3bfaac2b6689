package daemon

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
	"virtlock/daemon/internal/handover"
	"virtlock/daemon/internal/owner"
)

// fences are the owners that are being ended, because somebody asked for it.
// Nothing waits for one: a step is taken when its time has come, and the end of
// the process is told by who watches it.
type fences struct {
	log       *slog.Logger
	events    *events
	processes *processes
	timers    *timers
	signal    func(*process, unix.Signal) error

	mu        sync.Mutex // guards byProcess and all fences in it
	byProcess map[*process]*fence
}

// fence is an owner that is being ended. It counts among the users of the
// process, whose pidfd therefore stays open.
type fence struct {
	process   *process
	owner     api.Owner
	client    uint64 // who asked for it
	clientPID int
	reason    string
	by        *api.Caller

	killAt   time.Time // zero when it was killed
	giveUpAt time.Time // zero before that, and when it was given up
	next     *timer
}

// giveUpTime is how long a process has to end after SIGKILL. One that is in a
// call to storage that hangs ends when that does.
const giveUpTime = 5 * time.Second

func newFences(d *Daemon) *fences {
	return &fences{
		log: d.log, events: d.events, processes: d.processes, timers: d.timers,
		signal:    func(p *process, s unix.Signal) error { return p.Signal(s) },
		byProcess: make(map[*process]*fence),
	}
}

// begin begins to end an owner; without a grace it is killed at once. It reports
// whether it began: one that is being ended already may only get less time. It
// fails when the process has ended or may not be signalled.
func (fs *fences) begin(f *fence, uid int, grace time.Duration) (began bool, err error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f.process.Exited() {
		return false, &noOwnerError{f.process.PID}
	}
	known := fs.byProcess[f.process]
	fs.log.Warn("asked to fence an owner", append(f.attrs(), "client_uid", uid, "grace", grace, "again", known != nil)...)
	if known != nil {
		fs.hurryLocked(known, grace)
		return false, nil
	}
	first := unix.SIGTERM
	if grace == 0 {
		first = unix.SIGKILL
	}
	if err := fs.signal(f.process, first); err != nil {
		return false, signalError(f.process, err)
	}
	// From here on its exit finds it: that was not told yet, as it had not exited.
	fs.byProcess[f.process] = f
	if now := time.Now(); grace == 0 {
		f.giveUpAt = now.Add(giveUpTime)
	} else {
		f.killAt = now.Add(grace)
	}
	fs.armLocked(f)
	return true, nil
}

// hurryLocked gives a fence no more than that time. One that was killed in vain
// is killed again, so that who asks for it is told once more.
func (fs *fences) hurryLocked(f *fence, grace time.Duration) {
	killAt := time.Now().Add(grace)
	switch {
	case f.killAt.IsZero() && f.giveUpAt.IsZero(), grace == 0 && !f.killAt.IsZero():
		fs.killLocked(f)
	case killAt.Before(f.killAt):
		f.killAt = killAt
		fs.armLocked(f)
	}
}

// armLocked waits for the next step.
func (fs *fences) armLocked(f *fence) {
	f.next.stop()
	if at := f.due(); !at.IsZero() {
		f.next = fs.timers.after(time.Until(at), func() { fs.step(f) })
	}
}

// due is when the next step is due; zero when there is none.
func (f *fence) due() time.Time {
	if !f.killAt.IsZero() {
		return f.killAt
	}
	return f.giveUpAt
}

// step takes the step that is due. A timer that was too late to be stopped finds
// none.
func (fs *fences) step(f *fence) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	due := f.due()
	switch {
	case fs.byProcess[f.process] != f || due.IsZero() || time.Now().Before(due) || f.process.Exited():
	case !f.killAt.IsZero():
		fs.killLocked(f)
	default:
		fs.giveUpLocked(f)
	}
}

func (fs *fences) killLocked(f *fence) {
	f.killAt, f.giveUpAt = time.Time{}, time.Now().Add(giveUpTime)
	fs.log.Warn("an owner that is fenced did not end, and is killed", f.attrs()...)
	if err := fs.signal(f.process, unix.SIGKILL); err != nil && !errors.Is(err, owner.ErrNoProcess) {
		fs.log.Error("could not kill an owner", append(f.attrs(), "error", err)...)
	}
	fs.armLocked(f)
}

// giveUpLocked tells that a process does not even end by SIGKILL. It keeps its
// locks, since it may write; should it end later, they go as ever.
func (fs *fences) giveUpLocked(f *fence) {
	f.giveUpAt = time.Time{}
	fs.log.Error("an owner that was killed does not end, and keeps its locks", f.attrs()...)
	fs.events.publish(api.EventOwnerFenceFailed, f.by, func(e *api.Event) {
		f.fill(e)
		e.Message = fmt.Sprintf("process %d did not end within %v of SIGKILL, and keeps its locks: "+
			"the kernel holds it up, as hanging storage does", f.process.PID, giveUpTime)
	})
}

// exited is told that a process has ended: there is nobody left to kill.
func (fs *fences) exited(p *process) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f := fs.byProcess[p]; f != nil {
		f.next.stop()
		f.killAt, f.giveUpAt = time.Time{}, time.Time{}
	}
}

// freed is told that the locks of such a process are free.
func (fs *fences) freed(p *process) {
	fs.mu.Lock()
	f := fs.byProcess[p]
	delete(fs.byProcess, p)
	fs.mu.Unlock()
	if f != nil {
		fs.tellFenced(f)
		fs.processes.leave(p)
	}
}

func (fs *fences) tellFenced(f *fence) {
	fs.log.Warn("an owner that was fenced is gone, and so are its locks", f.attrs()...)
	fs.events.publish(api.EventOwnerFenced, f.by, func(e *api.Event) {
		f.fill(e)
		e.Message = f.reason
	})
}

func (f *fence) fill(e *api.Event) { e.Owner, e.Client = &f.owner, f.client }

func (f *fence) attrs() []any {
	return []any{
		"pid", f.owner.PID, "owner", f.owner.Name, "uuid", f.owner.UUID,
		"client", f.client, "client_pid", f.clientPID, "reason", f.reason,
	}
}

// signalError is why an owner could not be signalled.
func signalError(p *process, err error) error {
	switch {
	case errors.Is(err, owner.ErrNoProcess):
		return &noOwnerError{p.PID}
	case errors.Is(err, unix.EPERM):
		return &deniedError{fmt.Sprintf("the daemon may not signal process %d", p.PID), "it belongs to another user; end it as root"}
	}
	return err
}

// count is how many owners are being ended.
func (fs *fences) count() int {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return len(fs.byProcess)
}

// targets are the processes that are being ended.
func (fs *fences) targets() []*process {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return slices.Collect(maps.Keys(fs.byProcess))
}

// abandon names those that nobody ends any more, at the end of the daemon.
func (fs *fences) abandon() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.byProcess {
		fs.log.Warn("the daemon ends before an owner that it was to fence", f.attrs()...)
	}
}

// export describes all for a successor.
func (fs *fences) export() []handover.Fence {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	list := make([]handover.Fence, 0, len(fs.byProcess))
	for _, f := range fs.byProcess {
		list = append(list, handover.Fence{
			PID: f.process.PID, Start: f.process.StartTime, KillAt: nanoseconds(f.killAt), GiveUpAt: nanoseconds(f.giveUpAt),
			Client: f.client, ClientPID: f.clientPID, Reason: f.reason,
		})
	}
	return list
}

// restoreFences goes on with what a predecessor had begun, each in the time that
// is left to it. The owners and their locks have to be known already. It fails
// with those that it cannot find out about.
func (d *Daemon) restoreFences(list []handover.Fence) error {
	var failed []error
	for _, e := range list {
		f := &fence{
			owner: api.Owner{PID: e.PID}, client: e.Client, clientPID: e.ClientPID, reason: e.Reason,
			killAt: fromNanoseconds(e.KillAt), giveUpAt: fromNanoseconds(e.GiveUpAt),
			by: &api.Caller{Client: e.Client, PID: e.ClientPID, UID: os.Geteuid()}, // others are not served
		}
		p, err := d.processes.join(e.PID)
		switch {
		case errors.Is(err, owner.ErrNoProcess):
			d.fences.tellFenced(f)
		case err != nil:
			failed = append(failed, err)
		case p.StartTime != e.Start: // another process by now
			d.processes.leave(p)
			d.fences.tellFenced(f)
		default:
			f.process = p
			f.owner, _ = d.describe(p)
			d.fences.restore(f)
		}
	}
	return errors.Join(failed...)
}

func (fs *fences) restore(f *fence) {
	fs.mu.Lock()
	gone := f.process.Exited() // which may have been told already
	if !gone {
		fs.byProcess[f.process] = f
		fs.armLocked(f)
	}
	fs.mu.Unlock()
	if gone {
		fs.tellFenced(f)
		fs.processes.leave(f.process)
	}
}
