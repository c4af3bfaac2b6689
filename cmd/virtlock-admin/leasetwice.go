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
	for i := range list {
		l := &list[i]
		if l.Mode == "" {
			continue
		}
		l.id, _ = identify(l.disk())
		at := slices.IndexFunc(list[:i], l.sameFile)
		if at < 0 {
			continue
		}
		other := list[at]
		if !slices.Contains([]state{stateFree, stateShared, stateOwn}, l.State) {
			continue
		}
		l.Note = "the same file as " + quote(other.Device)
		if l.Mode != api.Shared || other.Mode != api.Shared {
			l.State = stateTwice
		}
	}
}

// sameFile reports whether a lease is for the same lock or the same file.
func (l *lease) sameFile(other lease) bool {
	if other.Mode == "" || (l.Device == explicit) != (other.Device == explicit) {
		return false
	}
	return l.Lockspace == other.Lockspace && l.Name == other.Name || l.id != fileID{} && l.id == other.id
}
