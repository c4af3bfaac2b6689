package main

import (
	"path/filepath"
	"strings"

	"virtlock/client/api"
)

// lease is a disk of a guest, or a lease that it asks for by name, and the lock that
// libvirt takes for it.
type lease struct {
	// Device is what the guest calls it, or "lease".
	Device string `json:"device"`
	// Source is the file of the disk, or the key of the lease.
	Source string `json:"source"`
	// Lockspace and Name are the lock, Mode is empty where libvirt takes none.
	Lockspace string   `json:"lockspace"`
	Name      string   `json:"name"`
	Mode      api.Mode `json:"mode,omitempty"`
	State     state    `json:"state"`
	// Note says more about the state in words.
	Note    string  `json:"note,omitempty"`
	Holders []taker `json:"holders"`

	path string // of the file that is locked
	base string // of a Source that is made when the guest starts
	bare bool   // the guest writes it alone, and has no lease for it
	id   fileID // of the disk, where it exists
}

// explicit is the Device of a lease that is no disk.
const explicit = "lease"

// isFile puts the lock on a file of a lockspace.
func (l *lease) isFile(lockspace, name string) {
	l.Lockspace, l.Name, l.path = lockspace, name, filepath.Join(lockspace, name)
}

// refuse says that nobody gets the lock.
func (l *lease) refuse(why string) { l.Mode, l.State, l.Note = "", stateRefused, why }

// why is the state in words: who is in the way, or what else is.
func (l lease) why() string {
	titles := make([]string, len(l.Holders))
	for i, t := range l.Holders {
		titles[i] = t.title()
	}
	words := strings.Join(titles, ", ")
	switch {
	case words == "":
		return l.Note
	case l.Note == "":
		return words
	}
	return words + "; " + l.Note
}

// reason is why in a sentence.
func (l lease) reason() string {
	if len(l.Holders) > 0 {
		return "held by " + l.why()
	}
	return l.why()
}
