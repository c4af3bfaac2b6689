package main

import (
	"errors"
	"fmt"
	"syscall"
	"unicode"
	"unicode/utf8"
)

// The exit statuses, which are those of libvirt's daemon.
const (
	exitOK      = 0
	exitUsage   = 1 // also the configuration, the log and the PID file
	exitRunDir  = 2
	exitSetUp   = 3 // the daemon cannot be set up, or failed while it ran
	exitSockets = 6
)

// failure is an error with the exit status it leads to.
type failure struct {
	status int
	err    error
}

func (f *failure) Error() string { return f.err.Error() }

func (f *failure) Unwrap() error { return f.err }

// failf makes a failure. A system's error among args is worded as the C library
// words it, as that is what libvirt's messages have.
func failf(status int, format string, args ...any) error {
	for i, arg := range args {
		var errno syscall.Errno
		if err, ok := arg.(error); ok && errors.As(err, &errno) {
			args[i] = &systemError{errno}
		}
	}
	return &failure{status, fmt.Errorf(format, args...)}
}

// statusOf returns the exit status of an error.
func statusOf(err error) int {
	var f *failure
	if errors.As(err, &f) {
		return f.status
	}
	return exitUsage
}

// systemError is an error number with the C library's text: Go has the same
// texts, but without the capital letter.
type systemError struct{ errno syscall.Errno }

func (e *systemError) Error() string {
	text := e.errno.Error()
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

func (e *systemError) Unwrap() error { return e.errno }

// logError is a setting of the log that cannot be had. libvirt's programs report
// it in a form of its own, that of an error before there is a log.
type logError struct{ err error }

func (e *logError) Error() string { return e.err.Error() }

func (e *logError) Unwrap() error { return e.err }

// complaint returns the line that tells a user about an error.
func complaint(program string, err error) string {
	switch {
	case errors.As(err, new(*wordError)):
		return program + ": " + err.Error()
	case errors.As(err, new(*logError)):
		return "libvirt:  error : " + err.Error()
	}
	return program + ": error: " + err.Error()
}
