package main

import (
	"context"
	"errors"
	"fmt"
)

// The exit statuses, which virt-xml-validate(1) promises to scripts. Those up to
// 4 are those of libvirt's script, which has 1 also for a wrong command line.
const (
	exitOK        = 0
	exitUsage     = 1
	exitMalformed = 1
	exitMissing   = 2
	exitInvalid   = 3
	exitNoSchema  = 4
	exitFailed    = 5
)

// usageError is a wrong command line.
type usageError struct{ message, hint string }

func (e *usageError) Error() string { return e.message }

func usagef(hint, format string, args ...any) error {
	return &usageError{message: fmt.Sprintf(format, args...), hint: hint}
}

// failure is why nothing could be checked at all.
type failure struct{ message, hint string }

func (e *failure) Error() string { return e.message }

// complain prints an error that ends the command line, and returns the exit
// status.
func (e *env) complain(err error) int {
	message, hint, status := explainError(err)
	fmt.Fprintf(e.err, "error: %s\n", message)
	if hint != "" {
		fmt.Fprintf(e.err, "hint: %s\n", hint)
	}
	return status
}

// explainError is the one place that decides what a person is told about an
// error, and what a script.
func explainError(err error) (message, hint string, status int) {
	var usage *usageError
	var failed *failure
	switch {
	case errors.As(err, &usage):
		return usage.message, usage.hint, exitUsage
	case errors.As(err, &failed):
		return failed.message, failed.hint, exitFailed
	case errors.Is(err, context.Canceled):
		return "interrupted", "", exitFailed
	}
	return err.Error(), "", exitFailed
}
