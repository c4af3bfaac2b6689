package handover

import (
	"errors"
	"slices"

	"virtlock/daemon/internal/owner"
)

// keptOwner is a living process that has holds, or had some a moment ago.
type keptOwner struct {
	process *owner.Process // nil when it could not be opened yet
	pid     int32
	start   uint64
	holds   []uint64
}

// owner finds the process with that pid and start time. It gives nil when that
// one has ended.
func (k *kept) owner(pid int, start uint64) *keptOwner {
	if o, ok := k.owners[int32(pid)]; ok && o.start == start {
		return o
	}
	p, err := findOwner(pid, start)
	if errors.Is(err, owner.ErrNoProcess) {
		return nil
	}
	k.ended(int32(pid)) // an older one with its pid
	o := &keptOwner{process: p, pid: int32(pid), start: start}
	k.owners[o.pid] = o
	if err != nil || !k.watch(o) {
		// Nobody knows that it has ended, so its locks stay, whatever the
		// reason is that it cannot be watched.
		k.unwatched = append(k.unwatched, o)
	}
	return o
}

// findOwner opens the process with that pid and start time. It fails with
// owner.ErrNoProcess when that one has ended.
func findOwner(pid int, start uint64) (*owner.Process, error) {
	p, err := owner.Find(pid)
	if errors.Is(err, owner.ErrHidden) {
		// Without rights the keeper sees no process of another user where /proc
		// hides them. The daemon saw that it is the one, a moment ago.
		return owner.Open(pid)
	}
	if err == nil && p.StartTime != start {
		p.Close()
		return nil, owner.ErrNoProcess
	}
	return p, err
}

// watch makes the keeper see the end of a process.
func (k *kept) watch(o *keptOwner) bool {
	if k.watcher(o.process.FD(), o.pid) != nil {
		o.process.Close()
		o.process = nil
		return false
	}
	return true
}

// watchAgain tries to watch those that could not be watched before.
func (k *kept) watchAgain() {
	again := k.unwatched
	k.unwatched = nil
	for _, o := range again {
		if k.owners[o.pid] != o {
			continue
		}
		var err error
		o.process, err = findOwner(int(o.pid), o.start)
		switch {
		case errors.Is(err, owner.ErrNoProcess):
			k.ended(o.pid)
		case err != nil || !k.watch(o):
			k.unwatched = append(k.unwatched, o)
		}
	}
}

// exited is called when the process with that pid is said to have ended. What
// says so may be about an older one with its pid.
func (k *kept) exited(pid int32) {
	if o, ok := k.owners[pid]; ok && o.process != nil && o.process.Exited() {
		k.ended(pid)
	}
}

// ended is called when the process with that pid has ended. Its locks are free
// then; its holds wait for the daemon to see to what they leave behind.
func (k *kept) ended(pid int32) {
	o, ok := k.owners[pid]
	if !ok {
		return
	}
	for _, id := range o.holds {
		h := k.holds[id]
		h.owner = nil
		k.holds[id] = h
		k.release(h.lock)
	}
	k.forget(o)
}

// mostIdle is how many owners without holds are watched for a while.
const mostIdle = 64

// leave takes a hold from its owner. One that has none left is forgotten a
// little later, as it often takes the next one at once.
func (k *kept) leave(o *keptOwner, id uint64) {
	i := slices.Index(o.holds, id)
	o.holds = slices.Delete(o.holds, i, i+1)
	if len(o.holds) == 0 {
		k.idle = append(k.idle, o)
	}
}

// forgetIdle forgets the owners that have no holds.
func (k *kept) forgetIdle() {
	for _, o := range k.idle {
		if len(o.holds) == 0 && k.owners[o.pid] == o {
			k.forget(o)
		}
	}
	k.idle = k.idle[:0]
}

// forget ends the watch of a process: epoll lets go of a pidfd that is closed.
func (k *kept) forget(o *keptOwner) {
	delete(k.owners, o.pid)
	if o.process != nil {
		o.process.Close()
	}
	o.holds = nil
}
