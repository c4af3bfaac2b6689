package main

import (
	"fmt"
	"slices"

	"virtlock/client/api"
)

// proof is a hold that is to be taken from its owner, with what speaks for and
// against that.
type proof struct {
	api.ForcedHold
	// Process is what has the owner's pid now: the owner, if it lives.
	Process processInfo `json:"process"`
	// OpenBy are the processes of this host that have the file open.
	OpenBy []opener `json:"open_by"`
}

// processInfo is what is told of a process.
type processInfo struct {
	PID     int    `json:"pid"`
	Exists  bool   `json:"exists"`
	Command string `json:"command"`
	process
}

// opener is a process that has a file open.
type opener struct {
	PID     int    `json:"pid"`
	Program string `json:"program"`
	Write   bool   `json:"write"`
	// Holder says that it is one of those who hold a lock on the file, or was started
	// by one: Under is that one then.
	Holder bool `json:"holder"`
	Under  int  `json:"under,omitempty"`
	shares bool // and not the one whose hold this is
	keeps  bool // a virtlockd, which only keeps locks
}

// prove looks at the owners of holds and through all processes for the files, once.
// The locks are all that there are: who shares one has a right to the file, too.
func prove(holds []api.ForcedHold, locks []api.Lock, status api.Status) ([]proof, error) {
	owners := ownersOf(holds, locks)
	found, _, err := scan(func(id fileID) bool { return owners[id] != nil })
	if err != nil {
		return nil, err
	}
	open := openers(found, owners, status)
	proofs := make([]proof, len(holds))
	for i, h := range holds {
		p := findProcess(h.Holder.Owner.PID)
		id, _ := lockedFile(h.Lock)
		proofs[i] = proof{
			ForcedHold: h,
			Process:    processInfo{PID: p.pid, Exists: p.alive, Command: p.command(), process: p},
			OpenBy:     seenBy(h.Holder.Owner.PID, open[id]),
		}
	}
	return proofs, nil
}

// ownersOf are those who hold a lock on the files of holds, under any name.
func ownersOf(holds []api.ForcedHold, locks []api.Lock) map[fileID][]int {
	owners := make(map[fileID][]int)
	for _, h := range holds {
		if id, ok := lockedFile(h.Lock); ok {
			owners[id] = append(owners[id], h.Holder.Owner.PID)
		}
	}
	for _, l := range locks {
		id, ok := lockedFile(l)
		if !ok || owners[id] == nil {
			continue
		}
		for _, h := range l.Holders {
			owners[id] = append(owners[id], h.Owner.PID)
		}
	}
	return owners
}

// seenBy tells those that belong to an owner from those that share the file with it.
func seenBy(owner int, openers []opener) []opener {
	seen := append([]opener{}, openers...)
	for i, o := range seen {
		seen[i].shares = o.Holder && o.PID != owner && o.Under != owner
	}
	return seen
}

// openers are the processes that have each of the files open, with what they are to
// its owners.
func openers(found []scanned, owners map[fileID][]int, status api.Status) map[fileID][]opener {
	list := make(map[fileID][]opener)
	for _, s := range found {
		writes := make(map[fileID]bool)
		for _, f := range s.files {
			writes[f.id] = writes[f.id] || f.Write
		}
		keeps := slices.Contains([]role{roleDaemon, roleKeeper, roleOther}, s.role(status))
		for id, write := range writes {
			o := opener{PID: s.pid, Program: s.program(), Write: write, keeps: keeps}
			o.Holder, o.Under = isHolder(s.pid, owners[id])
			list[id] = append(list[id], o)
		}
	}
	return list
}

// isHolder reports whether a process is one of the owners, or was started by one,
// which is under.
func isHolder(pid int, owners []int) (holder bool, under int) {
	if slices.Contains(owners, pid) {
		return true, 0
	}
	under = ancestorAmong(pid, owners)
	return under != 0, under
}

// writer is a process that may write the file though nobody holds the lock for it,
// or 0.
func (p proof) writer() int {
	for _, o := range p.OpenBy {
		if o.Write && !o.Holder && !o.keeps {
			return o.PID
		}
	}
	return 0
}

// survivor is a process that the owner has started, and that may write the file when
// the owner has been ended, or nil. A virtlock-admin that runs a command takes all of
// it along.
func (p proof) survivor() *opener {
	for i, o := range p.OpenBy {
		if o.Write && o.Under != 0 && !o.shares && !findProcess(o.Under).runsCommand() {
			return &p.OpenBy[i]
		}
	}
	return nil
}

// printProof shows what is to be decided on: each owner once, with its locks.
func (e *env) printProof(proofs []proof) {
	for i, p := range proofs {
		owner := p.Holder.Owner
		if i == 0 || proofs[i-1].Holder.Owner.PID != owner.PID || proofs[i-1].Holder.Owner.Name != owner.Name {
			if i > 0 {
				fmt.Fprintln(e.out)
			}
			e.printProofOwner(p)
		}
		e.printProofLock(p)
	}
	fmt.Fprintln(e.out)
}

func (e *env) printProofOwner(p proof) {
	owner := p.Holder.Owner
	printField(e.out, "Owner", ownerName(owner))
	if owner.UUID != "" {
		printField(e.out, "UUID", quote(owner.UUID))
	}
	switch {
	case p.Alive:
		printField(e.out, "Process", fmt.Sprintf("%d, %s", owner.PID, e.state(true)))
		printField(e.out, "Command", e.fitted(p.Process.Command))
		e.printWrapped("Start time", fmt.Sprintf("%s: that of the owner, it is the same process", e.when(p.Process.started)))
	case p.Process.Exists:
		printField(e.out, "Process", fmt.Sprintf("%d, %s", owner.PID, e.state(false)))
		e.printWrapped("Start time", fmt.Sprintf("%s: another process has this number by now, %s", e.when(p.Process.started), p.Process.program()))
	default:
		printField(e.out, "Process", fmt.Sprintf("%d, %s", owner.PID, e.state(false)))
	}
}

func (e *env) printProofLock(p proof) {
	fmt.Fprintln(e.out)
	printField(e.out, "Lock", hold{Lockspace: p.Lock.Lockspace, Name: p.Lock.Name}.title())
	printField(e.out, "Mode", p.Lock.Mode)
	printField(e.out, "Since", e.when(p.Holder.Since))
	if len(p.OpenBy) == 0 {
		printField(e.out, "File open", "by no process that can be seen")
	}
	for _, o := range p.OpenBy {
		e.printWrapped("File open", o.words())
	}
	printField(e.out, "Waiting for it", plural(p.Waiters, "call"))
}

// words say how a process has the file open.
func (o opener) words() string {
	how := "for reading"
	switch {
	case o.keeps:
		how = "to keep the lock"
	case o.Write:
		how = "for writing"
	}
	whose := ""
	switch {
	case o.shares && o.Under != 0:
		whose = fmt.Sprintf(", started by process %d, which has a lock of its own", o.Under)
	case o.shares:
		whose = ", with a lock of its own"
	case o.Under != 0:
		whose = fmt.Sprintf(", started by process %d, the owner", o.Under)
	case o.Holder:
		whose = ", as the owner"
	case o.Write && !o.keeps:
		whose = ", and is no owner"
	}
	return fmt.Sprintf("by process %d (%s) %s%s", o.PID, quote(o.Program), how, whose)
}
