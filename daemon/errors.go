package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
	"virtlock/daemon/internal/filelock"
	"virtlock/daemon/internal/lockspace"
	"virtlock/daemon/internal/owner"
)

// The daemon's own refusals. Those of the table have types of their own.
var (
	errNotRegistered = errors.New("lock owner details have not been registered")
	errRestricted    = errors.New("lock manager connection has been restricted")
	errNoOrphan      = errors.New("nothing is left to claim of that connection")
	errNoHistory     = errors.New("no history is kept: audit_file is empty")
)

// endText is what a call failed with that was given up: Go says "context canceled".
const endText = "the daemon or the connection ends"

// invalidError says that a request makes no sense as it stands.
type invalidError struct{ reason string }

func (e *invalidError) Error() string { return e.reason }

func invalid(format string, args ...any) error { return &invalidError{fmt.Sprintf(format, args...)} }

// deniedError says that the caller may not do what it asks.
type deniedError struct{ reason, hint string }

func (e *deniedError) Error() string { return e.reason }

// limitError says that a limit of the daemon is reached.
type limitError struct{ reason, hint string }

func (e *limitError) Error() string { return e.reason }

// jsonError gives an error its code, its hint and its details: the one place
// that does.
func jsonError(err error) *api.Error {
	data := &api.ErrorData{Code: api.CodeIO}
	e := &api.Error{Number: api.NumberFailed, Message: err.Error(), Data: data}
	var (
		busy      *lockspace.BusyError
		name      *lockspace.NameError
		noSpace   *lockspace.NoSpaceError
		sameFile  *lockspace.SameFileError
		notLocked *lockspace.NotLockedError
		notHolder *lockspace.NotHolderError
		file      *lockspace.FileError
		bad       *invalidError
		denied    *deniedError
		limit     *limitError
		noOwner   *noOwnerError
		refused   *RefusedError
		forced    *forcedError
		noClient  *noClientError
		reload    *reloadError
	)
	switch {
	case errors.As(err, &busy):
		data.Code, data.Holders = api.CodeBusy, apiHolders(busy)
		data.Lockspace, data.Name = &busy.Space, busy.Name.Name
		data.Hint = busyHint(busy)
		e.Message = busyText(busy)
	case errors.As(err, &name), errors.As(err, &sameFile):
		data.Code = api.CodeInvalid
	case errors.As(err, &bad):
		data.Code, e.Number = api.CodeInvalid, api.NumberInvalidParams
	case errors.As(err, &noSpace):
		data.Code, data.Hint = api.CodeNotFound, "make it with lockspace.create, or see lockspace.list"
	case errors.As(err, &notLocked):
		data.Code, data.Lockspace, data.Name = api.CodeNotFound, &notLocked.Space, notLocked.Name.Name
	case errors.As(err, &notHolder):
		data.Code, data.Holders = api.CodeDenied, apiHoldersOf(notHolder.Held)
		data.Lockspace, data.Name = &notHolder.Space, notHolder.Name.Name
	case errors.As(err, &file):
		fileErrorData(data, file)
	case errors.As(err, &forced):
		data.Code, data.Lockspace, data.Name = api.CodeForced, &forced.Space, forced.Name.Name
		data.Hint = "somebody else may have it by now: stop writing, or take it again first"
	case errors.As(err, &noClient):
		data.Code, data.Hint = api.CodeNotFound, "see who is connected: client.list"
	case errors.As(err, &reload):
		data.Code, data.Hint = api.CodeRefused, "all settings stay as they were: mend virtlockd.conf, and try again"
	case errors.As(err, &noOwner):
		data.Code, data.Hint = api.CodeNotFound, "see who owns what: virtlock-admin list"
	case errors.Is(err, owner.ErrNoProcess):
		data.Code, data.Hint = api.CodeNotFound, "register with the pid of a living process"
	case errors.Is(err, owner.ErrHidden):
		data.Code, data.Hint = api.CodeDenied, "the daemon cannot see the process: mount /proc without hidepid, or for its group"
	case errors.Is(err, lockspace.ErrOwnerGone):
		data.Code, data.Hint = api.CodeNotFound, "register again, with the pid of a living process"
	case errors.Is(err, errNotRegistered):
		data.Code, data.Hint = api.CodeNotRegistered, "call owner.register first"
	case errors.Is(err, errRestricted):
		data.Code, data.Hint = api.CodeRestricted, "use another connection"
	case errors.Is(err, errNoOrphan):
		data.Code, data.Hint = api.CodeNotFound, "its locks are lost: register anew and take them again"
	case errors.Is(err, errNoHistory):
		data.Code, data.Hint = api.CodeNotFound, "name a file for it in virtlockd.conf"
	case errors.As(err, &denied):
		data.Code, data.Hint = api.CodeDenied, denied.hint
	case errors.As(err, &limit):
		data.Code, data.Hint = api.CodeLimit, limit.hint
	case errors.As(err, &refused):
		data.Code, data.Hint = api.CodeRefused, "nothing has changed: mend what is named, and try again"
	case errors.Is(err, context.Canceled):
		data.Code, data.Hint, e.Message = api.CodeLimit, "ask again on a new connection", endText
	default:
		systemErrorData(data, err)
	}
	return e
}

// busyHint says what to do about a lock that somebody else holds. Only of what a
// client holds is there more to see.
func busyHint(e *lockspace.BusyError) string {
	if len(e.Held) == 0 {
		return "wait for it"
	}
	return "wait for it, or see who holds it: " + inspectCommand(e.Held[0].Name)
}

// inspectCommand is what to type to see a lock.
func inspectCommand(n lockspace.Name) string {
	words := []string{n.Name}
	if n.Space != "" {
		words = []string{n.Space, n.Name}
	}
	if strings.HasPrefix(n.Name, "-") { // no option
		words = append([]string{"--"}, words...)
	}
	command := "virtlock-admin inspect"
	for _, w := range words {
		command += " " + shellWord(w)
	}
	return command
}

// shellWord writes a word for a shell, in quotes where it needs them.
func shellWord(s string) string {
	const plain = "%+,-./0123456789:=@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
	if s != "" && strings.Trim(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// fileErrorData tells which file failed, and how.
func fileErrorData(data *api.ErrorData, e *lockspace.FileError) {
	data.Lockspace, data.Name = &e.Space, e.Name.Name
	systemErrorData(data, e.Err)
	if e.Space != "" && errors.Is(e.Err, unix.ELOOP) {
		data.Hint = "names in a lockspace must not be symbolic links"
	}
	if e.Action != "make directory" {
		return
	}
	data.Lockspace, data.Name = &e.Name.Name, "" // the lockspace itself
	if data.Code == api.CodeInvalid || data.Code == api.CodeNotFound {
		data.Hint = "name a directory, or where the daemon can make one"
	}
}

// systemErrorData tells what failed in the system, and what to do about it.
func systemErrorData(data *api.ErrorData, err error) {
	var errno unix.Errno
	if errors.As(err, &errno) {
		data.Errno = int(errno)
	}
	switch {
	case errors.Is(err, filelock.ErrNotEmpty), errors.Is(err, filelock.ErrNotLockFile):
		data.Code, data.Hint = api.CodeInvalid, "only empty lock files are removed"
	case errors.Is(err, filelock.ErrNotLockable), errors.Is(err, lockspace.ErrNotDirectory),
		errors.Is(err, unix.EISDIR), errors.Is(err, unix.ENXIO), errors.Is(err, unix.ELOOP):
		data.Code, data.Hint = api.CodeInvalid, "a resource is a regular file or a block device"
	case errors.Is(err, fs.ErrNotExist):
		data.Code, data.Hint = api.CodeNotFound, "check the name, or ask for autocreate"
	case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE):
		data.Code, data.Hint = api.CodeLimit, "raise LimitNOFILE of the daemon's service, or release locks"
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		data.Hint = "make room on the file system"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EROFS):
		data.Code, data.Hint = api.CodeDenied, "the daemon needs to read and write the file"
	}
}
