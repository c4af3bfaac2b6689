package main

import "fmt"

// exitError is the exit status of a command that was run.
type exitError struct{ status int }

func (e *exitError) Error() string { return fmt.Sprintf("exit status %d", e.status) }

// statusError is an error with an exit status of its own.
type statusError struct {
	err    error
	status int
}

func (e *statusError) Error() string { return e.err.Error() }

func (e *statusError) Unwrap() error { return e.err }

// lostError says that a lock went while the command ran that it was for.
type lostError struct{ cause error }

func (e *lostError) Error() string {
	return fmt.Sprintf("the command ran without its lock, and was stopped: %v", e.cause)
}

func (e *lostError) Unwrap() error { return e.cause }
