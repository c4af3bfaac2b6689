package daemon

import (
	"errors"
	"sync"

	"virtlock/daemon/internal/lockspace"
	"virtlock/daemon/internal/owner"
)

// processes are the processes that own locks or may come to own some. Each has
// one lockspace.Owner, whatever connections act for it, and one more for each
// connection that ties its locks to itself.
type processes struct {
	gate    *gate // of the daemon
	table   *lockspace.Table
	watcher *owner.Watcher
	exited  func(*process) // told of each exit, before the locks go
	freed   func(*process) // told when all of them have gone

	ending sync.WaitGroup // the goroutines that release the locks of the dead

	mu      sync.Mutex // guards lastTie, byPID and all processes in it
	lastTie uint64
	byPID   map[int]*process
}

// process is a process that owns locks.
type process struct {
	*owner.Process
	owner lockspace.Owner
	// Guarded by processes.mu.
	users int // connections registered for it
	tied  map[*lockspace.Owner]struct{}
	gone  bool
	lost  bool // it could not be opened
}

func newProcesses(g *gate, table *lockspace.Table, exited, freed func(*process)) (*processes, error) {
	watcher, err := owner.NewWatcher()
	if err != nil {
		return nil, err
	}
	return &processes{gate: g, table: table, watcher: watcher, exited: exited, freed: freed, byPID: make(map[int]*process)}, nil
}

// close ends the watching and waits for what it started.
func (ps *processes) close() {
	ps.watcher.Close()
	ps.ending.Wait()
}

// join registers one more connection for a process, which leave takes back. It
// fails with owner.ErrNoProcess when there is no such process.
func (ps *processes) join(pid int) (*process, error) {
	if p := ps.joinKnown(pid); p != nil {
		return p, nil
	}
	found, err := owner.Find(pid)
	if err != nil {
		return nil, err
	}
	fresh := &process{Process: found}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if known := ps.byPID[pid]; known != nil && known.StartTime == found.StartTime {
		found.Close() // another connection was faster
		known.users++
		return known, nil
	}
	if err := ps.watcher.Watch(found, func() { ps.processExited(fresh) }); err != nil {
		found.Close()
		return nil, err
	}
	fresh.users = 1
	ps.byPID[pid] = fresh
	return fresh, nil
}

// joinAgain registers one more connection for a process that is known.
func (ps *processes) joinAgain(p *process) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p.users++
}

func (ps *processes) joinKnown(pid int) *process {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p := ps.byPID[pid]
	if p == nil || p.Exited() { // a new process may have the pid by now
		return nil
	}
	p.users++
	return p
}

// knows reports whether there is a process that owns locks or may, with that pid.
func (ps *processes) knows(pid int) bool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return ps.byPID[pid] != nil
}

// lives reports whether a process lives, as its pidfd says, if it is known.
func (ps *processes) lives(pid int, start uint64) (lives, known bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p := ps.byPID[pid]
	if p == nil || p.StartTime != start {
		return false, false
	}
	return !p.Exited(), true
}

// leave ends a connection's registration. A process that still holds locks
// keeps them.
func (ps *processes) leave(p *process) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	p.users--
	ps.forgetUnusedLocked(p)
}

// forgetUnusedLocked forgets a process that nothing depends on any more.
func (ps *processes) forgetUnusedLocked(p *process) {
	if p.users > 0 {
		return
	}
	if !p.gone {
		if ps.table.Holds(&p.owner) || !ps.watcher.Forget(p.Process) {
			return // it exits later, or just now
		}
		if ps.byPID[p.PID] == p {
			delete(ps.byPID, p.PID)
		}
	}
	if !p.lost {
		p.Close()
	}
}

// tie makes an owner whose locks go with a connection, and with the process. It
// gives its number too.
func (ps *processes) tie(p *process) (*lockspace.Owner, uint64) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.lastTie++
	return ps.tieLocked(p), ps.lastTie
}

func (ps *processes) tieLocked(p *process) *lockspace.Owner {
	o := new(lockspace.Owner)
	if p.gone {
		ps.table.End(o, lockspace.OwnerExited) // holds nothing yet, so this does not block
		return o
	}
	if p.tied == nil {
		p.tied = make(map[*lockspace.Owner]struct{})
	}
	p.tied[o] = struct{}{}
	return o
}

// latestTie is the latest number that tie gave out.
func (ps *processes) latestTie() uint64 {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return ps.lastTie
}

// untie ends such an owner. It returns when its locks are free.
func (ps *processes) untie(p *process, o *lockspace.Owner) {
	ps.mu.Lock()
	delete(p.tied, o)
	ps.mu.Unlock()
	ps.table.End(o, lockspace.ConnectionClosed)
}

// processExited is called on the watcher's goroutine.
func (ps *processes) processExited(p *process) {
	ps.gate.enter()
	defer ps.gate.leave()
	ps.mu.Lock()
	p.gone = true
	if ps.byPID[p.PID] == p {
		delete(ps.byPID, p.PID)
	}
	owners := p.ownersLocked()
	ps.forgetUnusedLocked(p)
	ps.mu.Unlock()
	ps.exited(p)
	ps.release(p, owners)
}

// release releases all that the owners of a process held that has exited. The
// caller is inside the gate, or it is shut.
func (ps *processes) release(p *process, owners []*lockspace.Owner) {
	ps.gate.bring(&ps.ending, func() {
		var ending sync.WaitGroup
		for _, o := range owners {
			ending.Go(func() { ps.table.End(o, lockspace.OwnerExited) })
		}
		ending.Wait()
		ps.freed(p)
	})
}

// owners are all that own locks by a process.
func (ps *processes) owners(p *process) []*lockspace.Owner {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return p.ownersLocked()
}

func (p *process) ownersLocked() []*lockspace.Owner {
	owners := []*lockspace.Owner{&p.owner}
	for o := range p.tied {
		owners = append(owners, o)
	}
	return owners
}

// begin takes over the latest tie's number.
func (ps *processes) begin(tie uint64) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.lastTie = tie
}

// find finds the process that owned something under a former program, even if it
// has ended meanwhile and is gone. It fails when it cannot be watched: then its
// locks stay until they are given back.
func (ps *processes) find(key processKey) (*process, error) {
	found, err := owner.Find(key.pid)
	if err == nil && key.start != 0 && found.StartTime != key.start {
		found.Close()
		err = owner.ErrNoProcess // the number is another's by now
	}
	if err != nil {
		p := &process{Process: &owner.Process{PID: key.pid, StartTime: key.start}, lost: true}
		if p.gone = errors.Is(err, owner.ErrNoProcess); p.gone {
			err = nil
		}
		return p, err
	}
	p := &process{Process: found}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.byPID[key.pid] = p
	return p, ps.watcher.Watch(found, func() { ps.processExited(p) })
}

// tieAgain is tie for what a former program had tied, and had numbered.
func (ps *processes) tieAgain(p *process) *lockspace.Owner {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if p.tied == nil {
		p.tied = make(map[*lockspace.Owner]struct{})
	}
	o := new(lockspace.Owner)
	p.tied[o] = struct{}{}
	return o
}

func (ps *processes) isGone(p *process) bool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return p.gone
}

// endGone releases what a process held that has ended while no program watched.
func (ps *processes) endGone(p *process) {
	ps.exited(p)
	ps.release(p, ps.owners(p))
}

// count is how many processes own locks or may.
func (ps *processes) count() int {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return len(ps.byPID)
}
