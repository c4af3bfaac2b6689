package main

import (
	"fmt"
	"slices"

	"virtlock/client/api"
)

// findUsers looks for programs that have locked a disk by themselves, above all for
// QEMUs that were started without libvirt: theirs would refuse the guest its disk,
// though the daemon would grant it. hidden is how many processes could not be looked
// into.
func (d domain) findUsers(list []lease, status api.Status) (hidden int, err error) {
	wanted := make(map[fileID][]*lease)
	for i := range list {
		l := &list[i]
		if l.Mode != "" && l.Device != explicit && l.id != (fileID{}) {
			wanted[l.id] = append(wanted[l.id], l)
		}
	}
	if len(wanted) == 0 {
		return 0, nil
	}
	found, hidden, err := scan(func(id fileID) bool { return wanted[id] != nil })
	for _, s := range found {
		if d.isGuest(s.guest()) || slices.Contains([]role{roleDaemon, roleKeeper}, s.role(status)) {
			continue
		}
		for _, f := range s.files {
			for _, l := range wanted[f.id] {
				l.used(s, f)
			}
		}
	}
	return hidden, err
}

// used notes that a process has the disk locked by itself, where that keeps the guest
// from it. It may never have asked the daemon, have given its lock back, as a guest that
// is paused, or have one that is called after another name of the disk.
func (l *lease) used(s scanned, f openFile) {
	qemu := slices.ContainsFunc(f.Locks, kernelLock.isQEMU)
	first := l.Lockspace == "" && slices.ContainsFunc(f.Locks, func(k kernelLock) bool { return k.ranged() && k.covers(byteVirtlockd) })
	inTheWay := qemu && (l.Mode == api.Exclusive || forbidsAny(f.Locks))
	switch {
	case !inTheWay && !first:
		return
	case slices.ContainsFunc(l.Holders, func(t taker) bool { return t.PID == s.pid }):
		return
	}
	who := taker{PID: s.pid, Foreign: true}
	if who.Name, who.UUID = s.guest(); who.Name == "" {
		who.Name = s.program()
	}
	switch l.State {
	case stateFree, stateShared, stateOwn:
		if !inTheWay { // a reader of the first byte, who was seen before
			return
		}
		l.State, l.Note = stateBusy, "used without this lock"
		l.Holders = append(l.Holders, who)
	case stateBusy:
		l.Holders = slices.DeleteFunc(l.Holders, func(t taker) bool { return t.PID == 0 })
		l.Holders = append(l.Holders, who)
	}
}

// unseen says what could not be looked into.
func unseen(hidden int) string {
	if hidden == 0 {
		return ""
	}
	return fmt.Sprintf("%s of other users could not be looked into; ask again as root", plural(hidden, "process"))
}
