package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"virtlock/client/api"
)

// advice says what to do next about a file, in sentences.
func advice(u usage) []string {
	list := []string{}
	for _, w := range u.Users {
		if s := w.advice(u.keptByOthers()); s != "" {
			list = append(list, s)
		}
	}
	if len(u.Elsewhere) > 0 {
		list = append(list, u.elsewhereAdvice())
	}
	if len(u.Layers) > 0 {
		list = append(list, "the kernel itself uses the file: unmount or detach the device before anybody else writes it")
	}
	if u.free() && u.Hidden == 0 && u.Unasked == "" {
		list = append(list, "nobody uses it: a guest may have it")
	}
	if u.Hidden > 0 {
		list = append(list, fmt.Sprintf("%s of other users could not be looked into: ask again as root", plural(u.Hidden, "process")))
	}
	return list
}

// free reports whether nobody was found.
func (u usage) free() bool {
	return len(u.Users) == 0 && len(u.Elsewhere) == 0 && len(u.Layers) == 0
}

// elsewhereAdvice is about locks without a process.
func (u usage) elsewhereAdvice() string {
	if u.Hidden > 0 {
		return "who holds the other locks cannot be seen from here: ask again as root"
	}
	return "who holds the other locks is no process of this host: ask on the other hosts that have this storage"
}

// keptByOthers reports whether another virtlockd than the one that was asked holds
// a lock on the file.
func (u usage) keptByOthers() bool {
	return slices.ContainsFunc(u.Users, func(w user) bool { return w.Role == roleOther && w.locks(byteVirtlockd) })
}

// advice is about one user. kept says that another virtlockd keeps a lock for
// somebody.
func (w user) advice(kept bool) string {
	name := w.title()
	switch {
	case w.keeper && len(w.Locks) > 0:
		return fmt.Sprintf("process %d keeps the lock while its virtlockd is away: the guest behind it is whoever has the file open; "+
			"to have it named: %s", w.PID, startDaemon)
	case w.Role == roleOther && len(w.Locks) > 0:
		return fmt.Sprintf("process %d is a virtlockd that was not asked, as libvirt's is: the guest behind it is whoever has the file open", w.PID)
	case w.keeps(), w.Under != 0:
		return ""
	case len(w.Holds) > 0 && !w.Alive:
		return fmt.Sprintf("%s has ended, and the daemon is about to release what it held; if that does not happen: "+
			"virtlock-admin force-release --owner %d --reason TEXT", name, w.PID)
	case w.Role == roleGuest && len(w.Holds) > 0:
		return fmt.Sprintf("%s runs and is protected; to free the disk: virsh shutdown %s, or, when it does not answer, "+
			"virtlock-admin force-release --owner %d --fence --reason TEXT", name, shellWord(w.Name), w.PID)
	case len(w.Holds) > 0:
		return fmt.Sprintf("%s holds it on purpose: wait for it, or virtlock-admin force-release --owner %d --fence --reason TEXT", name, w.PID)
	case !w.Alive:
		return ""
	case w.Role == roleGuest && kept:
		return fmt.Sprintf("%s is protected by that other virtlockd; to free the disk: virsh shutdown %s", name, shellWord(w.Name))
	case w.Role == roleGuest && w.writes():
		return fmt.Sprintf("%s may write it without a lock of virtlockd: stop it, or start it with libvirt and lock_manager = \"lockd\"", name)
	case w.Role == roleTool && len(w.Locks) > 0:
		return fmt.Sprintf("%s (%s) ends by itself: wait for it; who only wants to read may use -U", name, w.Program)
	case w.locks(byteVirtlockd):
		return fmt.Sprintf("%s locked it by itself, and the daemon cannot release that: wait for it, or stop it: kill %d", name, w.PID)
	case w.writes():
		return fmt.Sprintf("%s may write it without a lock: put one around it with virtlock-admin run", name)
	}
	return ""
}

// locks reports whether the process has a lock on a byte.
func (w user) locks(byte uint64) bool {
	for _, l := range w.Locks {
		if l.ranged() && l.covers(byte) {
			return true
		}
	}
	return false
}

// title names a user in a sentence.
func (w user) title() string {
	if w.Name != "" && (w.Role == roleGuest || w.UUID != "") {
		return fmt.Sprintf("guest %s (process %d)", ownerName(api.Owner{Name: w.Name}), w.PID)
	}
	if w.Name != "" {
		return fmt.Sprintf("%s (process %d)", ownerName(api.Owner{Name: w.Name}), w.PID)
	}
	return fmt.Sprintf("process %d (%s)", w.PID, orDash(quote(w.Program)))
}

// shellWord is a word as it is typed into a shell.
func shellWord(word string) string {
	special := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_./+,:@%", r)
	}
	if word != "" && strings.IndexFunc(word, special) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
