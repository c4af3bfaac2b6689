package lockspace

import (
	"cmp"
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"virtlock/daemon/internal/filelock"
)

// CreateResource makes the file of a resource, empty. One that is there is no
// error. It fails with a *BusyError when the resource is locked, or with a
// *NoSpaceError, *NameError or *FileError.
func (t *Table) CreateResource(n Name) error {
	s, err := t.unheld(n)
	if err != nil {
		return err
	}
	if err := s.place(n.Name).Create(); err != nil {
		return fileError(n, err)
	}
	return nil
}

// DeleteResource removes the file of a resource. One that is missing is no
// error. It fails with a *BusyError when the file is locked, under whichever
// name and by whatever program, and with a *FileError that wraps
// filelock.ErrNotEmpty or filelock.ErrNotLockFile when it is something else than
// a lock file.
func (t *Table) DeleteResource(ctx context.Context, n Name) error {
	s, err := t.unheld(n)
	if err != nil {
		return err
	}
	f, err := filelock.Open(s.place(n.Name), false)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return fileError(n, err)
	}
	turns, err := t.takeTurns(ctx, []filelock.ID{f.ID()}, nil)
	if err == nil {
		err = t.deleteFile(n, s.place(n.Name), f)
	}
	gone := f.Unlinked()
	if cerr := f.Close(); err == nil && cerr != nil {
		err = fileError(n, cerr)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, turn := range turns {
		turn.gone = gone
		t.endTurnLocked(turn, nil)
	}
	return err
}

// deleteFile removes a file whose turn the caller has.
func (t *Table) deleteFile(n Name, p filelock.Place, f *filelock.File) error {
	if held := t.locksOn(f.ID()); len(held) > 0 {
		return &BusyError{Name: n, Held: held}
	}
	err := f.Lock(Exclusive)
	var foreign *filelock.LockedError
	if errors.As(err, &foreign) {
		return &BusyError{Name: n, Foreign: foreign}
	}
	if err == nil {
		err = p.Remove(f)
	}
	if err != nil {
		return fileError(n, err)
	}
	if named, err := p.Names(f); named || err != nil {
		return &FileError{Name: n, Action: "remove", Err: cmp.Or(err, filelock.ErrNotLockFile)}
	}
	return nil
}

// unheld finds the lockspace of a resource that is not held.
func (t *Table) unheld(n Name) (*space, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s, err := t.spaceLocked(n.Space)
	if err != nil {
		return nil, err
	}
	if r := s.resources[n.Name]; r != nil {
		return nil, &BusyError{Name: n, Held: r.file.snapshot()}
	}
	return s, checkName(s, n.Name)
}

// locksOn lists the locks on a file.
func (t *Table) locksOn(id filelock.ID) []Lock {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f := t.files[id]; f != nil {
		return f.snapshot()
	}
	return nil
}
