package logging

import (
	"errors"
	"fmt"
	"syscall"
	"unicode"
	"unicode/utf8"
)

// InvalidError is a level, a filter or an output that is not one. Detail is
// libvirt's text about it.
type InvalidError struct{ Detail string }

func (e *InvalidError) Error() string { return "invalid argument: " + e.Detail }

func invalidf(format string, args ...any) error {
	return &InvalidError{fmt.Sprintf(format, args...)}
}

// OpenError is a log file that cannot be opened.
type OpenError struct {
	Path string
	Err  error // has the kernel's error number
}

// Error words it as libvirt does, with the kernel's reason as the C library
// words that: Go has the same texts, but without the capital letter.
func (e *OpenError) Error() string {
	reason := e.Err.Error()
	var errno syscall.Errno
	if errors.As(e.Err, &errno) {
		first, size := utf8.DecodeRuneInString(errno.Error())
		reason = string(unicode.ToUpper(first)) + errno.Error()[size:]
	}
	return fmt.Sprintf("failed to open %s: %s", e.Path, reason)
}

func (e *OpenError) Unwrap() error { return e.Err }
