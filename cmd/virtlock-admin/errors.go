package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"virtlock/client"
	"virtlock/client/api"
)

// The exit statuses, which virtlock-admin(1) promises to scripts.
const (
	exitOK = iota
	exitFailed
	exitUsage
	exitNotFound
	exitBusy
	exitDenied
	exitUnreachable
)

// errAnswered ends a command line that was answered before its command ran.
var errAnswered = errors.New("answered")

// usageError is a wrong command line.
type usageError struct {
	message, hint string
}

func (e *usageError) Error() string { return e.message }

func usagef(hint, format string, args ...any) error {
	return &usageError{message: fmt.Sprintf(format, args...), hint: hint}
}

// notFoundError is something that the daemon does not have.
type notFoundError struct {
	message, hint string
}

func (e *notFoundError) Error() string { return e.message }

// readonlyError is a command that would change something.
type readonlyError struct{ command string }

func (e *readonlyError) Error() string {
	return e.command + " changes something, which --readonly does not allow"
}

// ownSessionHint is for a user without a daemon who may look for another one.
const ownSessionHint = "this is the daemon of your own session; for that of the system: " +
	"sudo virtlock-admin ..., or virtlock-admin -c virtlockd:///system ..."

// report prints an error, if there is one, and returns the exit status.
func (e *env) report(err error) int {
	message, hint, status := explain(err)
	if errors.Is(err, client.ErrUnreachable) && e.ownSession() {
		hint = ownSessionHint
	}
	hint = e.asTyped(hint)
	if e.interactive && message+hint != "" {
		e.answer.said()
	}
	if !errors.As(err, new(*echoError)) { // whose text is the person's own
		message, hint = harmless(message), harmless(hint)
	}
	if message != "" {
		fmt.Fprintf(e.err, "error: %s\n", message)
	}
	if hint != "" {
		fmt.Fprintf(e.err, "hint: %s\n", hint)
	}
	return status
}

// asTyped is advice with commands as they are typed here: in the shell without the name
// of the program, unless they are for another shell.
func (e *env) asTyped(advice string) string {
	if !e.interactive || strings.Contains(advice, "|") || strings.Contains(advice, "sudo ") {
		return advice
	}
	return strings.ReplaceAll(advice, "virtlock-admin ", "")
}

// explain is the one place that decides what a person is told about an error,
// and what a script.
func explain(err error) (message, hint string, status int) {
	var (
		usage       *usageError
		notFound    *notFoundError
		unreachable *client.UnreachableError
		refusal     *client.Error
		missing     *missingError
		cannotTell  *cannotTellError
		exit        *exitError
		own         *statusError
		storage     *storageError
		refused     *forceRefusal
		lost        *lostError
		readonly    *readonlyError
		echo        *echoError
	)
	switch {
	case err == nil, errors.Is(err, errAnswered):
		return "", "", exitOK
	case errors.As(err, &exit):
		return "", "", exit.status
	case errors.As(err, &own):
		message, hint, _ = explain(own.err)
		return message, hint, own.status
	case errors.As(err, &refused):
		return refused.message, refused.hint, exitBusy
	case errors.As(err, &lost):
		return lost.Error(), "virtlock-admin history says who released it, and why", exitLost
	case errors.As(err, &echo):
		return echo.text, "", exitOK
	case errors.As(err, &usage):
		return usage.message, usage.hint, exitUsage
	case errors.As(err, &readonly):
		return readonly.Error(), "leave out --readonly, or in the shell type: connect", exitDenied
	case errors.As(err, &notFound):
		return notFound.message, notFound.hint, exitNotFound
	case errors.As(err, &missing):
		return missing.Error(), "stop these owners, or who has the disks now: virtlock-admin status names them", exitFailed
	case errors.As(err, &cannotTell):
		return cannotTell.message, cannotTell.hint, exitFailed
	case errors.As(err, &storage):
		return storage.Error(), storage.hint(), exitFailed
	case errors.As(err, &unreachable):
		return unreachable.Error(), unreachableHint(unreachable), exitUnreachable
	case errors.As(err, &refusal) && refusal.Number == api.NumberMethodNotFound:
		return fmt.Sprintf("the daemon does not know %q", refusal.Op), "it is of another version: virtlock-admin version shows which; " +
			"after an upgrade, virtlock-admin reexec starts the new one", exitFailed
	case errors.As(err, &refusal):
		return refusal.Message, refusal.Hint, refusalStatus(refusal)
	case errors.Is(err, errNoAnswer):
		return errNoAnswer.Error(), "it may be stopped, very busy, or waiting for storage; --timeout SECONDS waits longer", exitUnreachable
	case errors.Is(err, client.ErrBroken):
		return err.Error(), "the daemon may have been restarted; try again", exitUnreachable
	case errors.Is(err, context.Canceled):
		return "interrupted", "", exitFailed
	}
	return err.Error(), "", exitFailed
}

func refusalStatus(err error) int {
	switch {
	case errors.Is(err, client.ErrInvalid): // it was made of the command line
		return exitUsage
	case errors.Is(err, client.ErrNotFound):
		return exitNotFound
	case errors.Is(err, client.ErrBusy):
		return exitBusy
	case errors.Is(err, client.ErrDenied):
		return exitDenied
	}
	return exitFailed
}
