package main

import (
	"slices"
	"strings"
)

// The bytes of an image that programs lock by agreement.
const (
	byteVirtlockd = 0 // virtlockd's, libvirt's and ours
	byteLibvirt   = 1 // libvirt's, while it changes owner or label of a file
	// QEMU locks byte 100 + N shared to say that it makes use of a permission,
	// and byte 200 + N to say that nobody else may. See QEMU's file-posix.c.
	byteUses    = 100
	byteForbids = 200
)

// permissions are those of QEMU, by their number.
var permissions = []struct{ uses, forbids string }{
	{"relies on what it reads", "read what it relies on"},
	{"writes", "write"},
	{"writes what is there already", "write what is there already"},
	{"changes the size", "change the size"},
}

// isQEMU reports whether a lock is on the bytes that QEMU uses, and on no others.
func (l kernelLock) isQEMU() bool {
	return l.ranged() && l.First >= byteUses && l.last() < byteForbids+100
}

// meaning says what locks of one process are for, in a sentence each. Those of
// QEMU make one sentence together.
func meaning(locks []kernelLock) []string {
	var list []string
	if qemu := qemuMeaning(locks); qemu != "" {
		if !forbidsAny(locks) {
			qemu += "; lets others do all"
		}
		list = append(list, qemu)
	}
	for _, l := range locks {
		if !l.isQEMU() {
			list = append(list, l.meaning())
		}
	}
	return list
}

// qemuMeaning is empty when no lock is one of QEMU's.
func qemuMeaning(locks []kernelLock) string {
	var uses, forbids []string
	any := false
	for i, p := range permissions {
		for _, l := range locks {
			if !l.isQEMU() {
				continue
			}
			any = true
			if l.covers(byteUses + uint64(i)) {
				uses = append(uses, p.uses)
			}
			if l.covers(byteForbids + uint64(i)) {
				forbids = append(forbids, p.forbids)
			}
		}
	}
	switch {
	case !any:
		return ""
	case len(uses) == 0 && len(forbids) == 0:
		return "QEMU's own"
	case len(uses) == 0:
		return "QEMU's own: lets nobody else " + strings.Join(forbids, ", ")
	case len(forbids) == 0:
		return "QEMU's own: " + strings.Join(uses, ", ")
	}
	return "QEMU's own: " + strings.Join(uses, ", ") + "; lets nobody else " + strings.Join(forbids, ", ")
}

// forbidsAny reports whether a QEMU keeps others from anything.
func forbidsAny(locks []kernelLock) bool {
	return slices.ContainsFunc(locks, func(l kernelLock) bool { return l.isQEMU() && l.last() >= byteForbids })
}

// meaning says what one lock is for.
func (l kernelLock) meaning() string {
	how := "for reading, beside other readers"
	if l.Write {
		how = "for writing, alone"
	}
	switch {
	case l.isQEMU():
		return qemuMeaning([]kernelLock{l})
	case l.Kind == "FLOCK":
		return "flock(2), " + how + "; no virtlockd and no QEMU takes notice of it"
	case l.Kind == "LEASE" || l.Kind == "DELEG":
		return "a lease (fcntl(2)): it is asked to give the file up when somebody opens it"
	case !l.ranged():
		return l.Kind + ", " + how
	case l.First == byteLibvirt && l.last() == byteLibvirt:
		return l.kind() + " on byte 1: libvirt changes the owner or the label of the file"
	case l.covers(byteVirtlockd):
		return l.kind() + " on " + l.bytes() + ", " + how + ": no virtlockd grants the file " + exceptShared(l)
	}
	return l.kind() + " on " + l.bytes() + ", " + how
}

func exceptShared(l kernelLock) string {
	if l.Write {
		return "to anybody"
	}
	return "to a writer"
}

// kind names the sort of lock that fcntl(2) makes: whether it belongs to the
// process or to the open file.
func (l kernelLock) kind() string {
	if l.Kind == kindOFD {
		return "OFD lock"
	}
	return "POSIX lock"
}
