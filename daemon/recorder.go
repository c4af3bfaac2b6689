package daemon

import (
	"errors"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"virtlock/daemon/internal/failpoint"
	"virtlock/daemon/internal/handover"
	"virtlock/daemon/internal/lockspace"
)

// recorder notes down outside of this process what is granted (law 4): with the
// keeper, which holds each lock too, and in the journal, should the keeper end as
// well. From the first lock on there is a keeper; one that ends is replaced.
type recorder struct {
	daemon  *Daemon
	log     *slog.Logger
	keeping Keeping
	journal *handover.Journal // nil while it cannot be opened; then no lock is granted

	starting sync.Mutex // held by who starts a keeper

	// passing is held for reading from the note about a grant until the table
	// has it, and for writing while all is noted down anew: so that nothing is
	// missed. It guards keeper.
	passing sync.RWMutex
	keeper  *handover.Keeper // nil before the first lock

	reserved  atomic.Uint64                   // the last event's number that a successor will not use again
	incorrect atomic.Bool                     // the journal misses something
	deaf      atomic.Pointer[handover.Keeper] // has not taken what it was passed
	work      chan struct{}                   // has room for one; filled when mend has something to do
	mending   sync.WaitGroup
	started   bool          // mend runs, or ran
	ended     chan struct{} // closed at the end
}

// Keeping is where and how the locks are kept that outlive the daemon.
type Keeping struct {
	// Journal is the path of the journal, and Socket that of the keeper's socket.
	// Both belong into a directory in memory that a boot empties, such as /run.
	Journal, Socket string
	// Program is the name under which the keeper runs.
	Program string
	// MakeDir makes the directory of the two, should it be removed. nil: nobody does.
	MakeDir func() error
}

// newRecorder takes over the journal and, if there is one, the keeper.
func newRecorder(d *Daemon, k Keeping, journal *handover.Journal, keeper *handover.Keeper) *recorder {
	return &recorder{
		daemon: d, log: d.log, keeping: k, journal: journal, keeper: keeper,
		work: make(chan struct{}, 1), ended: make(chan struct{}),
	}
}

// start begins to look after the journal and the keeper.
func (r *recorder) start() {
	if r == nil {
		return
	}
	r.started = true
	r.mending.Go(r.mend)
	r.wake()
}

// close ends that. The keeper goes on.
func (r *recorder) close() {
	if r == nil {
		return
	}
	close(r.ended)
	r.mending.Wait()
	if r.started { // or what was left may not be in the table
		r.look()
	}
	// For the figures: what was noted along with locks may be older.
	if r.journal != nil {
		r.journal.Append(handover.Change{Totals: r.daemon.totals()})
		r.journal.Close()
	}
	if r.keeper != nil {
		r.keeper.Close()
	}
}

func (r *recorder) wake() {
	select {
	case r.work <- struct{}{}:
	default: // it will look
	}
}

// Grant implements lockspace.Recorder.
func (r *recorder) Grant(holds []lockspace.Record, commit func() error) error {
	changes := r.grants(holds)
	for tries := 1; ; tries++ {
		r.passing.RLock()
		k := r.keeper
		if k == nil {
			r.passing.RUnlock()
			if err := r.startKeeper(nil); err != nil {
				return &lockspace.RecordError{Err: err}
			}
			continue
		}
		failpoint.Here("before-journal-grant")
		if err := r.write(changes...); err != nil {
			r.passing.RUnlock()
			return &lockspace.RecordError{Err: err}
		}
		failpoint.Here("before-keeper-grant")
		if err := k.Pass(changes...); err != nil {
			r.passing.RUnlock()
			if tries == keeperTries {
				r.incorrect.Store(true) // the journal has the notes
				r.wake()
				return &lockspace.RecordError{Err: err}
			}
			if err := r.startKeeper(k); err != nil {
				return &lockspace.RecordError{Err: err}
			}
			continue
		}
		failpoint.Here("before-commit")
		err := commit()
		failpoint.Here("after-commit")
		if err != nil {
			r.dropLocked(holds)
		}
		r.passing.RUnlock()
		return err
	}
}

var errNoJournal = errors.New("the journal cannot be opened; the log says why")

// write writes to the journal.
func (r *recorder) write(changes ...handover.Change) error {
	if r.journal == nil {
		r.wake()
		return errNoJournal
	}
	return r.journal.Append(changes...)
}

func (r *recorder) grants(holds []lockspace.Record) []handover.Change {
	totals := r.daemon.totals()
	changes := make([]handover.Change, len(holds))
	for i := range holds {
		hold := exportHold(&holds[i])
		changes[i] = handover.Change{Hold: &hold, Totals: totals}
	}
	return changes
}

// dropLocked takes the notes of a call back, whose holds were not granted: all at
// once, or a crash in between would leave half of them.
func (r *recorder) dropLocked(holds []lockspace.Record) {
	ids := make([]uint64, len(holds))
	for i := range holds {
		ids[i] = holds[i].ID
	}
	r.noteDropLocked(ids)
}

// Drop implements lockspace.Recorder.
func (r *recorder) Drop(holds ...uint64) {
	r.passing.RLock()
	defer r.passing.RUnlock()
	r.noteDropLocked(holds)
}

// noteDropLocked notes down that holds are over. Who gives a lock back gets it done
// in any case: a journal that has no room for the note is written anew, and a
// keeper that does not take it is replaced.
func (r *recorder) noteDropLocked(holds []uint64) {
	change := handover.Change{Drop: holds[0], Drops: holds[1:], Totals: r.daemon.totals()}
	failpoint.Here("before-journal-drop")
	if r.write(change) != nil {
		r.incorrect.Store(true)
		r.wake()
	}
	failpoint.Here("before-keeper-drop")
	r.passLocked(change)
	failpoint.Here("after-keeper-drop")
}

// Space implements lockspace.Recorder.
func (r *recorder) Space(dir string) error {
	r.passing.RLock()
	defer r.passing.RUnlock()
	change := handover.Change{Space: dir, Totals: r.daemon.totals()}
	if err := r.write(change); err != nil {
		return err
	}
	r.passLocked(change)
	return nil
}

// passLocked passes a change that is made in any case to the keeper. One that does
// not take it is replaced even if it lives: it would hand over what is not so.
func (r *recorder) passLocked(change handover.Change) {
	if r.keeper != nil && r.keeper.Pass(change) != nil {
		r.deaf.Store(r.keeper)
		r.wake()
	}
}

// How far ahead numbers are reserved that a successor will not use again. Events
// and clients come and go without a note about each.
const (
	reservedEvents  = 1 << 16
	reservedClients = 1 << 12
)

func (r *recorder) reservedTotals() handover.Totals {
	t := r.daemon.totals()
	t.Seq += reservedEvents
	t.Client += reservedClients
	return t
}

// reserve sees to it that numbers are reserved well ahead of the latest ones. It
// never blocks.
func (r *recorder) reserve(seq uint64) {
	if r != nil && seq+reservedEvents/2 > r.reserved.Load() {
		r.wake()
	}
}

// retryTime is how often mend tries again what has failed.
const retryTime = time.Second

// mend looks after the journal and the keeper until the end.
func (r *recorder) mend() {
	look := time.NewTicker(lookTime)
	defer look.Stop()
	for {
		var gone <-chan struct{}
		k := r.keeperNow()
		if k != nil {
			gone = k.Gone()
		}
		var again <-chan time.Time
		if r.incorrect.Load() {
			again = time.After(retryTime)
		}
		select {
		case <-r.ended:
			return
		case <-gone:
			r.keeperGone(k)
		case <-r.work:
			r.tidy()
		case <-again:
			r.tidy()
		case <-look.C:
			r.look()
		}
	}
}

// tidy reserves numbers and writes the journal anew where that is due.
func (r *recorder) tidy() {
	r.daemon.gate.enter()
	defer r.daemon.gate.leave()
	seq := r.daemon.events.lastSeq()
	if seq+reservedEvents/2 > r.reserved.Load() {
		t := r.reservedTotals()
		change := handover.Change{Totals: t}
		r.passing.RLock()
		if err := r.write(change); err == nil {
			r.reserved.Store(t.Seq)
		}
		r.passLocked(change)
		r.passing.RUnlock()
	}
	if deaf := r.deaf.Swap(nil); deaf != nil && r.startKeeper(deaf) != nil {
		return
	}
	if r.keeperNow() == nil && r.daemon.table.Totals().Holders > 0 {
		if r.startKeeper(nil) != nil {
			return
		}
	}
	if r.incorrect.Load() || r.journal == nil || r.journal.Grown() {
		r.rewrite()
	}
}

// rewrite writes the journal anew.
func (r *recorder) rewrite() {
	r.passing.Lock()
	defer r.passing.Unlock()
	state := &handover.State{Totals: r.reservedTotals(), Spaces: r.daemon.exportSpaces(), Holds: r.holds()}
	err := r.rewriteAs(state)
	if err != nil && !r.incorrect.Swap(true) {
		r.log.Error("cannot write the journal, and goes on trying", "error", err)
	}
	if err == nil {
		r.incorrect.Store(false)
		r.reserved.Store(state.Totals.Seq)
	}
}

// rewriteAs writes the journal anew, and opens it where it could not be opened.
func (r *recorder) rewriteAs(state *handover.State) (err error) {
	if r.journal == nil {
		if r.journal, _, err = handover.OpenJournal(r.keeping.Journal); err != nil {
			return err
		}
	}
	return r.journal.Rewrite(state)
}

// giveUp makes the keeper let go and end, and removes the journal, because the
// successor is not ours: neither would notice when it gives a lock back.
func (r *recorder) giveUp() error {
	if r == nil {
		return nil
	}
	r.passing.Lock()
	defer r.passing.Unlock()
	err := os.Remove(r.keeping.Journal)
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	if r.keeper != nil {
		err = errors.Join(err, r.keeper.LetGo())
		r.keeper = nil
	}
	return err
}

// takeUp undoes giveUp, when there was no successor after all.
func (r *recorder) takeUp() {
	if r == nil {
		return
	}
	r.rewrite()
	if r.daemon.table.Totals().Holders == 0 {
		return
	}
	if err := r.startKeeper(nil); err != nil {
		r.log.Error("cannot start a keeper, and goes on trying", "error", err)
	}
}
