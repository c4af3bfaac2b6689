package main

import (
	"slices"

	"virtlock/client/api"
)

// disk is the file that has to be there before the guest starts.
func (l *lease) disk() string {
	switch {
	case l.Device == explicit:
		return l.path
	case l.base != "":
		return l.base
	}
	return l.Source
}

// compareLeases finds disks of the guest that are on one file. Two that are shareable may
// be; of others only the first is locked, and the guest would be in its own way.
func compareLeases(list []lease) {
	first := make(map[leaseKey]*lease)
	for i := range list {
		l := &list[i]
		if l.Mode == "" {
			continue
		}
		var other *lease
		for _, key := range l.keys() {
			switch {
			case first[key] == nil:
				first[key] = l
			case other == nil:
				other = first[key]
			}
		}
		if other != nil && slices.Contains([]state{stateFree, stateShared, stateOwn}, l.State) {
			l.isTwin(other)
		}
	}
}

// isTwin notes that another disk is the same file.
func (l *lease) isTwin(other *lease) {
	l.Note = "the same file as " + quote(other.Device)
	if other.Device == "" {
		l.Note = "the same file as another disk"
	}
	if l.Mode != api.Shared || other.Mode != api.Shared {
		l.State = stateTwice
	}
}

// leaseKey is what only leases for the same lock, or the same file, have in common.
type leaseKey struct {
	explicit        bool
	lockspace, name string
	id              fileID
}

// keys are the lock of a lease, and its file where there is one.
func (l *lease) keys() []leaseKey {
	list := []leaseKey{{explicit: l.Device == explicit, lockspace: l.Lockspace, name: l.Name}}
	if l.id != (fileID{}) {
		list = append(list, leaseKey{explicit: l.Device == explicit, id: l.id})
	}
	return list
}
