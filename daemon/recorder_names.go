package daemon

import (
	"errors"
	"os"
	"time"

	"virtlock/daemon/internal/handover"
)

// lookTime is how often the recorder looks whether its files have their names.
const lookTime = 10 * time.Second

// look sees to it that a successor finds the keeper and the journal. It knows them by
// their names only, which go when somebody empties the directory, and this program
// notices nothing: the descriptors stay.
func (r *recorder) look() {
	r.daemon.gate.enter()
	defer r.daemon.gate.leave()
	keeper := r.keeperNow()
	keeperLost := keeper != nil && isMissing(r.keeping.Socket)
	journalLost := isMissing(r.keeping.Journal) && !r.incorrect.Load() // mend is at it then
	if !keeperLost && !journalLost {
		return
	}
	if r.keeping.MakeDir != nil {
		r.keeping.MakeDir() // if that fails, so does the next step, with the reason
	}
	if keeperLost {
		r.moveKeeper(keeper)
	}
	if journalLost {
		r.log.Warn("the journal was removed, and is written anew", "path", r.keeping.Journal)
		r.rewrite()
	}
}

// moveKeeper starts a keeper in the place of one that nobody can find, and then ends
// that.
func (r *recorder) moveKeeper(old *handover.Keeper) {
	r.starting.Lock()
	defer r.starting.Unlock()
	if r.keeperNow() != old {
		return
	}
	r.log.Warn("the socket of the keeper of the locks was removed, and the keeper is replaced", "path", r.keeping.Socket, "pid", old.PID())
	if err := r.newKeeper(); err != nil {
		r.log.Error("cannot start a keeper where the next daemon finds it, and goes on trying", "error", err)
		return
	}
	old.Kill()
}

func isMissing(path string) bool {
	_, err := os.Lstat(path)
	return errors.Is(err, os.ErrNotExist)
}
