package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// scan looks for guests, and for virtlockds that were not asked.
func (d *doctor) scan() {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		p := findProcess(pid)
		role := p.role(d.status)
		if role != roleGuest && role != roleOther || !p.alive {
			continue
		}
		files, err := openFiles(pid, func(fileID) bool { return true })
		switch {
		case err != nil:
			d.hidden++
		case role == roleGuest:
			d.guests = append(d.guests, scanned{p, files})
		default:
			d.others = append(d.others, scanned{p, files})
		}
	}
}

// checkGuests looks for disks of running guests that nobody holds a lock on.
func (d *doctor) checkGuests() {
	const check = "guests"
	disks := 0
	for _, guest := range d.guests {
		for _, f := range guest.disks() {
			disks++
			if !d.isProtected(f) {
				d.addUnprotected(guest, f)
			}
		}
	}
	if d.hidden > 0 {
		d.add(warning, check, plural(d.hidden, "process")+" could not be looked into", "their disks may be without a lock", "sudo virtlock-admin doctor")
	}
	d.ok(check, "%s running, with %s to write", plural(len(d.guests), "guest"), plural(disks, "disk"))
}

// disks are the images and devices that a QEMU has open for writing, each once.
func (s scanned) disks() []openFile {
	var list []openFile
	for _, f := range s.files {
		again := slices.ContainsFunc(list, func(other openFile) bool { return other.id == f.id })
		if f.Write && !again && s.isDisk(f) {
			list = append(list, f)
		}
	}
	return list
}

// isDisk tells a disk from all else that a QEMU has open: logs, memory, and the
// variables of the firmware, which are no disk and which libvirt does not lock.
func (s scanned) isDisk(f openFile) bool {
	switch {
	case !strings.HasPrefix(f.Name, "/") || strings.HasPrefix(f.Name, "/memfd:"):
		return false
	case strings.Contains(f.Name, "/nvram/") || strings.HasSuffix(f.Name, "_VARS.fd"):
		return false
	case f.id.block || qemuMeaning(f.Locks) != "":
		return true
	}
	return slices.ContainsFunc(s.args, func(word string) bool {
		return strings.Contains(word, "file="+f.Name) || strings.Contains(word, "filename="+f.Name) || strings.Contains(word, `"filename":"`+f.Name)
	})
}

// isProtected reports whether a virtlockd holds a lock on a file or a lease for it.
func (d *doctor) isProtected(f openFile) bool {
	u := usage{File: f.Name, Path: f.Name, Device: f.id.String(), Inode: f.id.inode, Block: f.id.block, id: f.id}
	for _, lock := range d.locks {
		if u.isOf(lock) {
			return true
		}
	}
	for _, other := range d.others {
		for _, theirs := range other.files {
			if theirs.id == f.id && slices.ContainsFunc(theirs.Locks, func(l kernelLock) bool { return l.ranged() && l.covers(byteVirtlockd) }) {
				return true
			}
		}
	}
	return false
}

func (d *doctor) addUnprotected(guest scanned, f openFile) {
	name, _ := guest.guest()
	s, but := failure, "no lock at all"
	if qemuMeaning(f.Locks) != "" {
		s, but = warning, "only QEMU's own lock, which binds no other program"
	}
	d.add(s, "guests", fmt.Sprintf("guest %s (process %d) writes %s with %s", orDash(quote(name)), guest.pid, quote(f.Name), but),
		"another guest or program may write it as well, and destroy it",
		"virtlock-admin who "+shellWord(f.Name)+"; start it with libvirt and lock_manager = \"lockd\"")
}
