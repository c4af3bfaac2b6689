package lockspace

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"

	"virtlock/daemon/internal/filelock"
)

// attempt is one try to take all of a call's locks. Its steps take turns: those
// named Locked look at the table, the others act on storage.
type attempt struct {
	table   *Table
	holder  Holder
	options Options
	ticket  *ticket
	targets []target
	turns   []*file // that this attempt has
	granted []Lock

	// For the usual call, which is for one lock.
	targetRoom [1]target
	turnRoom   [1]*file
	idRoom     [1]filelock.ID
}

// target is one lock of an attempt.
type target struct {
	Request
	space *space
	id    filelock.ID
	// open is nil when the name is held already and the attempt joins in.
	open   *filelock.File
	locked bool // open is
}

func (a *attempt) run(ctx context.Context) error {
	joined, err := a.join()
	if joined || err != nil {
		return err
	}
	err = a.openFiles()
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
		err = a.commit()
	}
	a.finish()
	return err
}

// join looks at what the table knows, before anything is opened: most refusals
// end here, and so does a shared lock beside others.
func (a *attempt) join() (joined bool, err error) {
	t := a.table
	t.mu.Lock()
	defer t.mu.Unlock()
	if a.holder.Owner.gone {
		return false, ErrOwnerGone
	}
	all := true
	for i := range a.targets {
		g := &a.targets[i]
		if g.space, err = t.spaceLocked(g.Space); err != nil {
			return false, err
		}
		r := g.space.resources[g.Name.Name]
		if r == nil {
			all = false
			if err := a.checkFreeLocked(i); err != nil {
				return false, err
			}
			continue
		}
		g.id = r.file.id
		if err := a.checkFileLocked(i, r.file); err != nil {
			return false, err
		}
	}
	if all {
		a.grantLocked()
	}
	return all, nil
}

// refuseLocked says that the i-th target cannot be had because of those who hold
// it, or who wait for it.
func (a *attempt) refuseLocked(i int, f *file) error {
	if a.ticket != nil {
		a.table.refusedLocked(a.ticket, false)
	}
	e := &BusyError{Name: a.targets[i].Name}
	if f != nil {
		e.Held = f.snapshot()
	}
	return e
}

// checkFreeLocked says whether a target that nobody holds may be tried.
func (a *attempt) checkFreeLocked(i int) error {
	g := &a.targets[i]
	if err := checkName(g.space, g.Name.Name); err != nil {
		return err
	}
	if !a.options.Overtake && a.table.queue.overtakesLocked(a.ticket, g.Request, filelock.ID{}, nil) {
		return a.refuseLocked(i, nil)
	}
	return nil
}

// checkFileLocked says whether the i-th target may have the file beside those
// who hold it, and those who wait for it.
func (a *attempt) checkFileLocked(i int, f *file) error {
	g := &a.targets[i]
	if a.ticket != nil {
		a.table.queue.learnLocked(a.ticket, i, f.id)
	}
	if f.keepsOutLocked(g.Mode) ||
		!a.options.Overtake && a.table.queue.overtakesLocked(a.ticket, g.Request, f.id, f) {
		return a.refuseLocked(i, f)
	}
	return nil
}

// openFiles opens what is not held under its name yet.
func (a *attempt) openFiles() error {
	for i := range a.targets {
		g := &a.targets[i]
		if g.id != (filelock.ID{}) {
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

// files lists the files that are known, each once. It refuses a list that names
// a file twice and wants it exclusively, which could never be granted.
func (a *attempt) files() (ids []filelock.ID, err error) {
	var room [8]*target
	known := room[:0]
	for i := range a.targets {
		if g := &a.targets[i]; g.id != (filelock.ID{}) {
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
// can act on them.
func (a *attempt) check() error {
	t := a.table
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range a.targets {
		g := &a.targets[i]
		r := g.space.resources[g.Name.Name]
		if (r == nil) == (g.open == nil) || r != nil && r.file.id != g.id {
			// The name was released or taken in the meantime, or means
			// another file by now.
			return errMoved
		}
		if err := a.checkFileLocked(i, t.files[g.id]); err != nil {
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
	err := g.open.Lock(g.Mode)
	if foreign, ok := errors.AsType[*filelock.LockedError](err); ok {
		return &BusyError{Name: g.Name, Foreign: foreign}
	}
	if err != nil {
		return &FileError{Name: g.Name, Action: "lock", Err: err}
	}
	g.locked = true
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

// commit notes the locks down: from here on they are granted.
func (a *attempt) commit() error {
	a.table.mu.Lock()
	defer a.table.mu.Unlock()
	if a.holder.Owner.gone {
		return ErrOwnerGone
	}
	a.grantLocked()
	return nil
}

func (a *attempt) grantLocked() {
	t := a.table
	since := now()
	a.granted = make([]Lock, len(a.targets))
	for i := range a.targets {
		g := &a.targets[i]
		r := g.space.resources[g.Name.Name]
		if r == nil {
			f := t.files[g.id]
			r = &resource{space: g.space, name: g.Name.Name, mode: g.Mode, autocreate: g.Autocreate, file: f, lock: g.open}
			g.space.resources[r.name] = r
			f.names = append(f.names, r)
			g.open = nil // the resource's from now on
		}
		r.holders = append(r.holders, holder{a.holder, since})
		t.holders++
		t.counts.Granted++
		a.holder.Owner.addLocked(r)
		t.changedLocked(Acquired, r, a.holder, Asked)
		a.granted[i] = r.snapshot()
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
// lock on it.
func (a *attempt) abandon(g *target) {
	i := slices.IndexFunc(a.turns, func(f *file) bool { return f.id == g.id })
	mine := i >= 0
	gone, _ := retire(g.place(), g.open, g.Autocreate && mine)
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
