package lockspace

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"

	"virtlock/daemon/internal/failpoint"
	"virtlock/daemon/internal/filelock"
)

// attempt is one try to take all of a call's locks. Its steps alternate: look,
// check and commit look at the table, those between them act on storage.
type attempt struct {
	table   *Table
	holder  Holder
	options Options
	ticket  *ticket
	targets []target
	turns   []*file  // that this attempt has
	notes   []Record // of targets, once all is locked
	granted []Lock

	// For the usual call, which is for one lock.
	targetRoom [1]target
	turnRoom   [1]*file
	noteRoom   [1]Record
	idRoom     [1]filelock.ID
}

// target is one lock of an attempt.
type target struct {
	Request
	space *space
	id    filelock.ID
	// One of the two is nil: the name is held already and the attempt joins in,
	// or the attempt has opened the file.
	held *resource
	open *filelock.File
}

func (a *attempt) run(ctx context.Context) error {
	if err := a.look(); err != nil {
		return err
	}
	err := a.openFiles()
	if terr := a.takeTurns(ctx); err == nil {
		err = terr
	}
	if err == nil {
		err = a.check()
	}
	if err == nil {
		err = a.lockFiles()
	}
	if err == nil {
		err = a.table.recorder.Grant(a.records(), a.commit)
	}
	a.finish()
	return err
}

// look looks at what the table knows, before anything is opened: most refusals
// end here.
func (a *attempt) look() (err error) {
	t := a.table
	t.mu.Lock()
	defer t.mu.Unlock()
	if a.holder.Owner.gone {
		return ErrOwnerGone
	}
	for i := range a.targets {
		g := &a.targets[i]
		if g.space, err = t.spaceLocked(g.Space); err != nil {
			return err
		}
		if g.held = g.space.resources[g.Name.Name]; g.held == nil {
			err = a.checkFreeLocked(i)
		} else {
			g.id = g.held.file.id
			err = a.checkFileLocked(i, g.held.file)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// refuseLocked says that the i-th target cannot be had, and why.
func (a *attempt) refuseLocked(i int, why *BusyError) error {
	if a.ticket != nil {
		a.table.refusedLocked(a.ticket, false)
	}
	why.Name = a.targets[i].Name
	return why
}

// checkFreeLocked says whether a target that nobody holds may be tried.
func (a *attempt) checkFreeLocked(i int) error {
	g := &a.targets[i]
	if err := checkName(g.space, g.Name.Name); err != nil {
		return err
	}
	return a.checkQueueLocked(i, filelock.ID{}, nil)
}

// checkQueueLocked says whether the i-th target may pass by those who wait.
func (a *attempt) checkQueueLocked(i int, id filelock.ID, f *file) error {
	if a.options.Overtake {
		return nil
	}
	earlier := a.table.queue.overtakenLocked(a.ticket, a.targets[i].Request, id, f)
	if earlier == nil {
		return nil
	}
	waiting := earlier.holder.hold()
	return a.refuseLocked(i, &BusyError{Waiting: &waiting})
}

// checkFileLocked says whether the i-th target may have the file beside those
// who hold it, and those who wait for it.
func (a *attempt) checkFileLocked(i int, f *file) error {
	g := &a.targets[i]
	if a.ticket != nil {
		a.table.queue.learnLocked(a.ticket, i, f.id)
	}
	if f.keepsOutLocked(g.Mode) {
		return a.refuseLocked(i, &BusyError{Held: f.snapshot()})
	}
	return a.checkQueueLocked(i, f.id, f)
}

// openFiles opens what is not held under its name yet.
func (a *attempt) openFiles() error {
	for i := range a.targets {
		g := &a.targets[i]
		if g.held != nil {
			if err := a.checkName(i); err != nil {
				return err
			}
			continue
		}
		f, err := filelock.Open(g.place(), g.Autocreate)
		if err != nil {
			return fileError(g.Name, err)
		}
		g.open, g.id = f, f.ID()
	}
	return nil
}

// checkName says whether a name that is held still means the file that was
// locked through it. Another one may have been put in its place, and on that one
// there is no lock to join.
func (a *attempt) checkName(i int) error {
	g := &a.targets[i]
	named, err := g.place().Names(g.held.lock)
	if err != nil {
		return fileError(g.Name, err)
	}
	if named {
		return nil
	}
	a.table.mu.Lock()
	defer a.table.mu.Unlock()
	if g.space.resources[g.Name.Name] != g.held {
		return errMoved // it was released in the meantime, and the file removed
	}
	return a.refuseLocked(i, &BusyError{Held: g.held.file.snapshot()})
}

func (g *target) place() filelock.Place { return g.space.place(g.Name.Name) }

// takeTurns takes the turn of each file. A deadline that passes meanwhile means
// that another call's use of a file took too long.
func (a *attempt) takeTurns(ctx context.Context) error {
	ids, err := a.files()
	turns, terr := a.table.takeTurns(ctx, ids, a.turns)
	a.turns = turns
	if errors.Is(terr, context.DeadlineExceeded) {
		terr = &BusyError{Name: a.targets[0].Name, Held: a.table.locksOn(a.targets[0].id)}
	}
	return cmp.Or(err, terr)
}

// files lists the files that are open, each once. It refuses a list that names
// a file twice and wants it exclusively, which could never be granted.
func (a *attempt) files() (ids []filelock.ID, err error) {
	var room [8]*target
	known := room[:0]
	for i := range a.targets {
		if g := &a.targets[i]; g.open != nil {
			known = append(known, g)
		}
	}
	slices.SortStableFunc(known, func(x, y *target) int { return compareIDs(x.id, y.id) })
	ids = a.idRoom[:0]
	for i, g := range known {
		if i == 0 || known[i-1].id != g.id {
			ids = append(ids, g.id)
			continue
		}
		if last := known[i-1]; last.Mode == Exclusive || g.Mode == Exclusive {
			err = &SameFileError{last.Name, g.Name}
		}
	}
	return ids, err
}

// check looks at the table again, now that all files are known and nobody else
// can act on those that are open.
func (a *attempt) check() error {
	a.table.mu.Lock()
	defer a.table.mu.Unlock()
	return a.checkLocked()
}

func (a *attempt) checkLocked() error {
	if a.holder.Owner.gone {
		return ErrOwnerGone
	}
	for i := range a.targets {
		g := &a.targets[i]
		if g.space.resources[g.Name.Name] != g.held {
			return errMoved // the name was released or taken in the meantime
		}
		if err := a.checkFileLocked(i, a.table.files[g.id]); err != nil {
			return err
		}
	}
	return nil
}

// lockFiles takes the kernel's locks.
func (a *attempt) lockFiles() error {
	for i := range a.targets {
		g := &a.targets[i]
		if g.open == nil {
			continue
		}
		err := g.lock()
		if _, busy := err.(*BusyError); busy && a.ticket != nil {
			a.table.mu.Lock()
			a.table.refusedLocked(a.ticket, true)
			a.table.mu.Unlock()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (g *target) lock() error {
	failpoint.Here("before-lock")
	err := g.open.Lock(g.Mode)
	failpoint.Here("after-lock")
	if foreign, ok := errors.AsType[*filelock.LockedError](err); ok {
		return &BusyError{Name: g.Name, Foreign: foreign}
	}
	if err != nil {
		return &FileError{Name: g.Name, Action: "lock", Err: err}
	}
	// Whoever had the lock until now may have removed the file with it.
	named, err := g.place().Names(g.open)
	if err != nil {
		return fileError(g.Name, err)
	}
	if !named {
		return errMoved
	}
	return nil
}

// records is what is noted down outside of the process before the locks are
// granted.
func (a *attempt) records() []Record {
	since := now()
	t := a.table
	t.mu.Lock()
	defer t.mu.Unlock()
	a.notes = a.noteRoom[:0]
	for i := range a.targets {
		g := &a.targets[i]
		t.numbers.Hold++
		note := Record{ID: t.numbers.Hold, Request: g.Request, Holder: a.holder, Since: since}
		if g.held != nil {
			// Its first hold says how the file came to be.
			note.Lock, note.Open, note.Autocreate = g.held.id, g.held.lock, g.held.autocreate
		} else {
			t.numbers.Lock++
			note.Lock, note.Open = t.numbers.Lock, g.open
		}
		a.notes = append(a.notes, note)
	}
	for i := range a.notes {
		if len(a.notes) > 1 {
			a.notes[i].Last = t.numbers.Hold
		}
	}
	return a.notes
}

// commit enters the locks into the table: from here on they are granted. It looks once
// more, because a turn is for a file, and meanwhile a name may have come to mean
// another one that somebody else has locked.
func (a *attempt) commit() error {
	a.table.mu.Lock()
	defer a.table.mu.Unlock()
	err := a.checkLocked()
	if err == nil {
		a.grantLocked()
	}
	return err
}

func (a *attempt) grantLocked() {
	t := a.table
	a.granted = make([]Lock, len(a.targets))
	for i := range a.targets {
		g := &a.targets[i]
		r := g.held
		if r == nil {
			f := t.files[g.id]
			r = &resource{id: a.notes[i].Lock, space: g.space, name: g.Name.Name, mode: g.Mode, autocreate: g.Autocreate, file: f, lock: g.open}
			g.space.resources[r.name] = r
			f.names = append(f.names, r)
			g.open = nil // the resource's from now on
		}
		r.holders = append(r.holders, holder{Holder: a.holder, id: a.notes[i].ID, since: a.notes[i].Since})
		t.holders++
		t.counts.Granted++
		a.holder.Owner.addLocked(r)
		t.changedLocked(Acquired, r, a.holder, cause{Asked, a.holder.Client})
		a.granted[i] = r.snapshotOf(r.holders[len(r.holders)-1:])
	}
}

// finish closes what is open still, and gives the turns back.
func (a *attempt) finish() {
	for i := range a.targets {
		if g := &a.targets[i]; g.open != nil {
			a.abandon(g)
		}
	}
	if len(a.turns) == 0 {
		return
	}
	t := a.table
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range a.turns {
		t.endTurnLocked(f, a.ticket)
	}
}

// abandon closes a target's file. One that was made for it goes, if nobody has a
// lock on it and its turn could be had.
func (a *attempt) abandon(g *target) {
	i := slices.IndexFunc(a.turns, func(f *file) bool { return f.id == g.id })
	mine := i >= 0
	gone, _ := retire(g.place(), g.open, g.open.Made() && mine)
	if mine {
		a.turns[i].gone = gone
	}
}

// retire gives a file's lock back and closes it. It removes the file if that is
// asked for and nobody else has a lock on it. The caller has the file's turn.
// gone says that the file has no name left.
func retire(p filelock.Place, f *filelock.File, remove bool) (gone bool, err error) {
	if remove && f.Lock(Exclusive) == nil {
		err = p.Remove(f)
	}
	gone = f.Unlinked()
	return gone, errors.Join(err, f.Close())
}

// fileError gives a filelock error the name of its resource.
func fileError(n Name, err error) error {
	var perr *fs.PathError
	if !errors.As(err, &perr) {
		return &FileError{Name: n, Action: "use", Err: err}
	}
	return &FileError{Name: n, Action: perr.Op, Err: perr.Err}
}
