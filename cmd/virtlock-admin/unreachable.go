package main

import (
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"

	"virtlock/client"
)

// startDaemon starts the daemon of the system.
const startDaemon = "systemctl start virtlockd.socket virtlockd-admin.socket"

// isDown reports whether nobody listens where the daemon should.
func isDown(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// unreachableHint says what to type, where that is known.
func unreachableHint(u *client.UnreachableError) string {
	if isDown(u) && filepath.Dir(u.Socket) == client.SystemDir {
		return startDaemon + " starts it; --socket PATH asks one that listens elsewhere"
	}
	return u.Hint()
}

// addUnanswered notes that the daemon cannot be asked, and what to do, which is not
// always to start it.
func (d *doctor) addUnanswered(err error) {
	message, hint, _ := explain(err)
	why, mend := "no guest can get a lock", hint
	switch {
	case isDown(err):
		mend = startDaemon
	case errors.Is(err, fs.ErrPermission):
		why, mend = "what it knows was not looked at", "sudo virtlock-admin doctor"
	case errors.Is(err, errNoAnswer):
		mend = "virtlock-admin --timeout 60 doctor waits longer; journalctl -u virtlockd may tell what it is at"
	case errors.Is(err, client.ErrSilent):
		why = "libvirt's own, if it is that, kills the guests that hold locks when it is stopped"
		mend = "man virtlockd, which says under RE-EXECUTION how to take over from it"
	case errors.Is(err, client.ErrUnreachable):
		why = "what it knows was not looked at"
	}
	d.add(failure, "daemon", "cannot be asked: "+message, why, mend)
}
