package daemon

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"virtlock/daemon/internal/failpoint"
	"virtlock/daemon/internal/handover"
	"virtlock/daemon/internal/lockspace"
)

// leftover is what a former daemon has left, and where it came from.
type leftover struct {
	state  *handover.State
	source source
	refill bool // the keeper has to be told of everything again
}

// takeOver finds what a former daemon has left: to this very process, with the
// keeper, or in the journal. It makes the table and the recorder that go on with
// it.
func (d *Daemon) takeOver() (left leftover, err error) {
	if i := d.config.Inherited; i != nil {
		left = leftover{state: i.state, source: i.source}
		d.reapChild(i)
	}
	if d.config.Keeping == nil {
		d.table = lockspace.New(d.changed, nil)
		return left, nil
	}
	k := *d.config.Keeping
	journal, noted := d.openJournal(k.Journal)
	var keeper *handover.Keeper
	switch {
	case left.source == fromExec && left.state != nil:
		failpoint.Here("after-state")
		keeper = d.resumeKeeper(left.state)
	case left.state == nil:
		if left, keeper, err = d.askKeeper(k, noted); err != nil {
			if journal != nil {
				journal.Close()
			}
			return left, err
		}
	}
	d.recorder = newRecorder(d, k, journal, keeper)
	// A journal that is not the former program's, whose file was removed, knows nothing
	// of what that had granted.
	d.recorder.incorrect.Store(left.source == fromExec && left.state != nil && noted != nil)
	d.table = lockspace.New(d.changed, d.recorder)
	return left, nil
}

// openJournal opens the journal, and reads it unless what it says was handed over.
func (d *Daemon) openJournal(path string) (*handover.Journal, *handover.State) {
	if i := d.config.Inherited; i != nil && i.source == fromExec {
		if base, err := strconv.ParseInt(i.Note(journalNote), 10, 64); err == nil {
			if j, err := handover.ResumeJournal(path, base); err == nil {
				return j, nil
			}
		}
	}
	j, noted, err := handover.OpenJournal(path)
	if err != nil {
		// Who holds a lock has to be served all the same.
		d.log.Error("no lock is granted until the journal can be opened", "error", err)
		return nil, noted
	}
	if n := j.Skipped(); n > 0 {
		d.log.Warn("skipped what cannot be read in the journal", "path", path, "bytes", n)
	}
	return j, noted
}

// resumeKeeper goes on with the keeper of the former program. One that has ended
// meanwhile is replaced as soon as that is seen.
func (d *Daemon) resumeKeeper(s *handover.State) *handover.Keeper {
	i := Inherited{state: s, source: fromExec}
	pid, err := strconv.Atoi(i.Note(keeperFile))
	if err != nil {
		return nil // there was none
	}
	for _, f := range s.Files {
		if f.Name != keeperFile {
			continue
		}
		k, err := handover.ResumeKeeper(f.FD, pid)
		if err != nil {
			d.log.Error("lost the keeper of the locks", "pid", pid, "error", err)
			return nil
		}
		return k
	}
	return nil
}

// askKeeper takes what the keeper holds, or without one what the journal says.
func (d *Daemon) askKeeper(k Keeping, noted *handover.State) (leftover, *handover.Keeper, error) {
	keeper, left, err := handover.FindKeeper(k.Socket)
	if errors.Is(err, handover.ErrNoKeeper) || errors.Is(err, handover.ErrKeeperGone) { // it died just now
		return leftover{state: noted, source: fromJournal}, nil, nil
	}
	if err != nil {
		return leftover{}, nil, fmt.Errorf("take the locks back from their keeper: %w", err)
	}
	failpoint.Here("after-keeper-takeover")
	kept := left.State
	kept.Holds = append(kept.Holds, left.Ended...)
	kept.Totals.Max(noted.Totals)
	kept.Spaces = append(kept.Spaces, noted.Spaces...)
	if !left.Complete {
		d.log.Warn("the keeper was not told of everything before the daemon ended", "keeper", keeper.PID())
		kept.Holds = append(kept.Holds, holdsNotIn(kept.Holds, noted.Holds)...)
	}
	return leftover{state: kept, source: fromKeeper, refill: !left.Complete}, keeper, nil
}

// holdsNotIn gives the holds of a second list that are not in the first.
func holdsNotIn(known, more []handover.Hold) (missing []handover.Hold) {
	ids := make(map[uint64]bool, len(known))
	for i := range known {
		ids[known[i].ID] = true
	}
	for _, h := range more {
		if !ids[h.ID] {
			missing = append(missing, h)
		}
	}
	return missing
}

// restoreAll restores what was left, and has it kept again. Nobody is served
// before Serve.
func (d *Daemon) restoreAll(left leftover) error {
	if left.state == nil {
		return nil
	}
	if err := d.gate.shut(context.Background()); err != nil {
		return err
	}
	d.restore(left.state, left.source)
	if d.recorder == nil || left.source == fromExec {
		return nil
	}
	if d.table.Totals().Holders > 0 && d.recorder.keeperNow() == nil {
		if err := d.recorder.startKeeper(nil); err != nil {
			d.log.Error("cannot start a keeper, and goes on trying", "error", err)
		}
	}
	if left.refill {
		d.recorder.refill()
	}
	d.recorder.rewrite()
	failpoint.Here("before-serving")
	return nil
}
