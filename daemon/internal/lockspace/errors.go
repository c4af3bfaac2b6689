package lockspace

import (
	"errors"
	"fmt"
	"time"

	"virtlock/daemon/internal/filelock"
)

// Name is a resource's full name.
type Name struct{ Space, Name string }

// Path is the path of the resource's file.
func (n Name) Path() string { return filelock.Place{Dir: n.Space, Name: n.Name}.Path() }

func (n Name) String() string {
	if n.Space == "" {
		return fmt.Sprintf("%q", n.Name)
	}
	return fmt.Sprintf("%q in lockspace %q", n.Name, n.Space)
}

// Hold is a hold on a resource as others are told of it.
type Hold struct {
	Identity *Identity
	Client   uint64
	Since    time.Time
}

// BusyError says that somebody else is in the way.
type BusyError struct {
	Name
	// Held are the locks in the way, through whichever name of the file.
	Held []Lock
	// Waiting is set when nobody holds what is in the way, but somebody who came
	// earlier waits for it.
	Waiting *Hold
	// Foreign is set when the kernel refused.
	Foreign *filelock.LockedError
	// When none of the three is set, another call is at the file, and storage
	// does not let it end.
}

func (e *BusyError) Error() string {
	switch {
	case e.Foreign != nil:
		return fmt.Sprintf("resource %v is %v", e.Name, e.Foreign)
	case e.Waiting != nil:
		return fmt.Sprintf("resource %v is waited for", e.Name)
	case len(e.Held) == 0:
		return fmt.Sprintf("resource %v is in use by another call that has not ended", e.Name)
	}
	return fmt.Sprintf("resource %v is locked", e.Name)
}

// NameError says that a name can never be one of a resource or lockspace.
type NameError struct {
	What   string // "resource name" or "lockspace path"
	Name   string
	Reason string
}

func (e *NameError) Error() string { return fmt.Sprintf("%s %q %s", e.What, e.Name, e.Reason) }

// NoSpaceError says that there is no such lockspace.
type NoSpaceError struct{ Path string }

func (e *NoSpaceError) Error() string { return fmt.Sprintf("no lockspace %q", e.Path) }

// SpaceExistsError says that there is such a lockspace already.
type SpaceExistsError struct{ Path string }

func (e *SpaceExistsError) Error() string { return fmt.Sprintf("lockspace %q exists already", e.Path) }

// SameFileError says that a list names a file twice that it wants exclusively.
type SameFileError struct{ First, Second Name }

func (e *SameFileError) Error() string {
	if e.First == e.Second {
		return fmt.Sprintf("resource %v is named twice", e.First)
	}
	return fmt.Sprintf("resources %v and %v are one file", e.First, e.Second)
}

// NotLockedError says that nobody holds a resource.
type NotLockedError struct{ Name }

func (e *NotLockedError) Error() string { return fmt.Sprintf("resource %v is not locked", e.Name) }

// NotHolderError says that others hold a resource, and the caller does not.
type NotHolderError struct {
	Name
	Held []Lock
}

func (e *NotHolderError) Error() string {
	return fmt.Sprintf("resource %v is locked by another owner", e.Name)
}

// FileError says that the file of a resource could not be opened, locked,
// made or removed. It wraps the system's error.
type FileError struct {
	Name
	Action string // "open", "create", "stat", "lock", "remove" or "make directory"
	Err    error
}

func (e *FileError) Error() string { return fmt.Sprintf("%s %q: %v", e.Action, e.Path(), e.Err) }

// Unwrap gives the system's error.
func (e *FileError) Unwrap() error { return e.Err }

// ErrNotDirectory is wrapped in the *FileError of a lockspace whose path is
// something else already.
var ErrNotDirectory = errors.New("exists, but is not a directory")

// ErrOwnerGone says that the owner a lock was for has ended meanwhile.
var ErrOwnerGone = errors.New("the owner has exited")

// errMoved says that an acquire has to start anew, because the file that it
// opened is no longer the one that its name means.
var errMoved = errors.New("file was replaced")
