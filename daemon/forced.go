package daemon

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"virtlock/client/api"
	"virtlock/daemon/internal/handover"
	"virtlock/daemon/internal/lockspace"
)

// forced is what was taken by force from owners that live. One that comes to give such
// a lock back learns that it has not had it for some time, from whom and why, until it
// ends or has the lock again.
type forced struct {
	processes *processes   // set before anybody is served
	count     atomic.Int64 // of all; so that it costs nothing while there is none

	mu        sync.Mutex // guards byProcess and all in it; taken under the table's
	byProcess map[processKey]*forcedOf
}

// forcedOf is what was taken from one process, which counts it among its users: so
// its exit is told even if it holds nothing else.
type forcedOf struct {
	process *process
	byName  map[lockspace.Name]forcing
}

// forcing is who took a lock, when and why.
type forcing struct {
	by     api.Caller
	time   time.Time
	reason string
}

// How much is kept. Beyond it an owner is told that it does not hold the lock, and no
// more than that.
const (
	maxForcedOf = 1 << 10 // of one process
	maxForced   = 1 << 14
)

func newForced() *forced { return &forced{byProcess: make(map[processKey]*forcedOf)} }

// note keeps what was taken from an owner, unless it has ended or cannot be watched.
func (fs *forced) note(i *lockspace.Identity, n lockspace.Name, f forcing) {
	p, err := fs.processes.join(i.PID)
	if err != nil {
		return
	}
	if p.StartTime != i.Start || !fs.add(p, n, f) {
		fs.processes.leave(p)
		return
	}
	if p.Exited() { // which may have been told already
		fs.exited(p)
	}
}

// add reports whether the process counts one more user from now on.
func (fs *forced) add(p *process, n lockspace.Name, f forcing) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	key := processKey{p.PID, p.StartTime}
	of := fs.byProcess[key]
	known := of != nil
	if !known {
		of = &forcedOf{p, make(map[lockspace.Name]forcing)}
	}
	if _, again := of.byName[n]; !again {
		if len(of.byName) == maxForcedOf || fs.count.Load() == maxForced {
			return false
		}
		fs.count.Add(1)
	}
	of.byName[n] = f
	fs.byProcess[key] = of
	return !known
}

// find gives how an owner lost a lock; nil when it was not by force.
func (fs *forced) find(i *lockspace.Identity, n lockspace.Name) *forcing {
	if fs.count.Load() == 0 {
		return nil
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if of := fs.byProcess[processKey{i.PID, i.Start}]; of != nil {
		if f, found := of.byName[n]; found {
			return &f
		}
	}
	return nil
}

// regained is told under the table's mutex that an owner has a lock.
func (fs *forced) regained(i *lockspace.Identity, n lockspace.Name) {
	if fs.count.Load() == 0 {
		return
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	of := fs.byProcess[processKey{i.PID, i.Start}]
	if of == nil {
		return
	}
	if _, found := of.byName[n]; found {
		delete(of.byName, n)
		fs.count.Add(-1)
	}
}

// sweep lets processes go from which nothing is taken any more. What regains a lock
// may not: it is told under the table's mutex.
func (fs *forced) sweep() {
	fs.mu.Lock()
	var idle []*process
	for key, of := range fs.byProcess {
		if len(of.byName) == 0 {
			idle = append(idle, of.process)
			delete(fs.byProcess, key)
		}
	}
	fs.mu.Unlock()
	for _, p := range idle {
		fs.processes.leave(p)
	}
}

// exited is told that a process has ended: nobody will ask.
func (fs *forced) exited(p *process) {
	fs.mu.Lock()
	key := processKey{p.PID, p.StartTime}
	of := fs.byProcess[key]
	if of != nil {
		delete(fs.byProcess, key)
		fs.count.Add(-int64(len(of.byName)))
	}
	fs.mu.Unlock()
	if of != nil {
		fs.processes.leave(of.process)
	}
}

// export describes all for a successor.
func (fs *forced) export() []handover.Forced {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	var list []handover.Forced
	for key, of := range fs.byProcess {
		for n, f := range of.byName {
			list = append(list, handover.Forced{
				PID: key.pid, Start: key.start, Space: n.Space, Name: n.Name, Time: f.time.UnixNano(), Reason: f.reason,
				Client: f.by.Client, ClientPID: f.by.PID, ClientUID: f.by.UID, Command: f.by.Command,
			})
		}
	}
	return list
}

// restoreForced goes on with what a former program knew.
func (d *Daemon) restoreForced(list []handover.Forced) {
	for _, e := range list {
		f := forcing{
			by:   api.Caller{Client: e.Client, PID: e.ClientPID, UID: e.ClientUID, Command: e.Command},
			time: timeOf(e.Time), reason: e.Reason,
		}
		d.forced.note(&lockspace.Identity{PID: e.PID, Start: e.Start}, lockspace.Name{Space: e.Space, Name: e.Name}, f)
	}
}

// forcedError says that an owner has lost a lock by force.
type forcedError struct {
	lockspace.Name
	forcing
}

func (e *forcedError) Error() string {
	return fmt.Sprintf("Lockspace resource '%s' is not locked: %q (pid %d, uid %d) has released it by force at %s: %s",
		e.Name.Name, e.by.Command, e.by.PID, e.by.UID, e.time.Format(time.RFC3339), e.reason)
}
