package daemon

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"virtlock/daemon/internal/filelock"
	"virtlock/daemon/internal/lockspace"
	"virtlock/daemon/internal/owner"
	"virtlock/daemon/internal/virnet"
)

// rpcError gives an error libvirt's code, domain and words: the one place that
// does.
func rpcError(err error) *virnet.Error {
	var (
		rpc       *virnet.Error
		busy      *lockspace.BusyError
		name      *lockspace.NameError
		noSpace   *lockspace.NoSpaceError
		exists    *lockspace.SpaceExistsError
		notLocked *lockspace.NotLockedError
		file      *lockspace.FileError
		limit     *limitError
		forced    *forcedError
		errno     unix.Errno
	)
	switch {
	case errors.As(err, &rpc):
		return rpc
	case errors.As(err, &busy):
		return virnet.NewError(virnet.CodeResourceBusy, virnet.DomainLockspace, busyText(busy))
	case errors.As(err, &notLocked):
		return virnet.Errorf(virnet.CodeResourceBusy, virnet.DomainLockspace, "Lockspace resource '%s' is not locked", notLocked.Name.Name)
	case errors.As(err, &forced):
		return virnet.NewError(virnet.CodeResourceBusy, virnet.DomainLockspace, forced.Error())
	case errors.As(err, &noSpace):
		return virnet.Errorf(virnet.CodeInternalError, virnet.DomainRPC, "Lockspace for path %s does not exist", noSpace.Path)
	case errors.As(err, &exists) && exists.Path == "":
		return virnet.NewError(virnet.CodeOperationInvalid, virnet.DomainRPC, "the default lockspace already exists")
	case errors.As(err, &exists):
		return virnet.Errorf(virnet.CodeInternalError, virnet.DomainRPC, "Lockspace for path %s already exists", exists.Path)
	case errors.As(err, &name):
		return virnet.NewError(virnet.CodeInvalidArgument, virnet.DomainLockspace, name.Error())
	case errors.As(err, &file):
		return rpcFileError(file)
	case errors.Is(err, errRestricted):
		return virnet.NewError(virnet.CodeOperationDenied, virnet.DomainRPC, err.Error())
	case errors.Is(err, errNotRegistered), errors.Is(err, owner.ErrNoProcess), errors.Is(err, lockspace.ErrOwnerGone):
		return virnet.NewError(virnet.CodeOperationInvalid, virnet.DomainRPC, err.Error())
	case errors.As(err, &limit):
		return virnet.NewError(virnet.CodeOperationFailed, virnet.DomainRPC, limit.reason+": "+limit.hint)
	case errors.Is(err, context.Canceled):
		return virnet.NewError(virnet.CodeOperationFailed, virnet.DomainRPC, endText)
	case errors.As(err, &errno): // no descriptor left for an owner's process, say
		return virnet.SystemError(virnet.DomainLockspace, int32(errno), err.Error())
	}
	return virnet.NewError(virnet.CodeInternalError, virnet.DomainRPC, err.Error())
}

// rpcActions are libvirt's words for what failed.
var rpcActions = map[string]string{
	"open":           "Unable to open resource ",
	"create":         "Unable to open/create resource ",
	"stat":           "Unable to open resource ",
	"lock":           "Unable to lock resource ",
	"remove":         "Unable to delete lockspace resource ",
	"make directory": "Unable to create lockspace ",
}

func rpcFileError(e *lockspace.FileError) *virnet.Error {
	var errno unix.Errno
	switch {
	case errors.Is(e.Err, lockspace.ErrNotDirectory):
		return virnet.Errorf(virnet.CodeInternalError, virnet.DomainLockspace, "Lockspace location %s %v", e.Path(), e.Err)
	case errors.Is(e.Err, filelock.ErrNotEmpty), errors.Is(e.Err, filelock.ErrNotLockFile):
		return virnet.NewError(virnet.CodeOperationInvalid, virnet.DomainLockspace, e.Path()+" is "+e.Err.Error())
	case errors.As(e.Err, &errno):
		return virnet.SystemError(virnet.DomainLockspace, int32(errno), rpcActions[e.Action]+e.Path()+": "+systemText(errno))
	}
	return virnet.NewError(virnet.CodeInvalidArgument, virnet.DomainLockspace, rpcActions[e.Action]+e.Path()+": "+e.Err.Error())
}

// rpcCreateError words what CREATE_RESOURCE fails with as libvirt does: not
// like an ACQUIRE that creates the file, and without a domain.
func rpcCreateError(err error) error {
	var file *lockspace.FileError
	var errno unix.Errno
	if !errors.As(err, &file) || !errors.As(file.Err, &errno) {
		return err
	}
	return virnet.SystemError(virnet.DomainNone, int32(errno), fmt.Sprintf("cannot create file '%s': %s", file.Path(), systemText(errno)))
}

// rpcDeleteError words what DELETE_RESOURCE fails with: libvirt only unlinks,
// so it knows no other step that could.
func rpcDeleteError(err error) error {
	var file *lockspace.FileError
	if !errors.As(err, &file) {
		return err
	}
	return &lockspace.FileError{Name: file.Name, Action: "remove", Err: file.Err}
}

// systemText is strerror(3)'s text, of which Go's starts with a small letter.
func systemText(errno unix.Errno) string {
	text := errno.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}
