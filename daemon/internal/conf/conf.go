// Package conf reads libvirt's configuration file syntax: one "name = value" a
// line, where a value is an integer, a string or a list. It knows the syntax
// only; which names there are and what they mean is the caller's business.
//
// The texts of its errors are those of libvirt's daemons, so that what people
// know and what scripts look for stays true.
package conf

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"syscall"
	"unicode"
	"unicode/utf8"
)

// maxSize is the largest file that is read, in bytes. Somebody's wrong file name
// must not fill the memory.
const maxSize = 1 << 20

// File is a configuration file that has been read.
type File struct {
	name   string
	values map[string]value
}

// Read reads the named file. The error is a *SyntaxError, or says that the file
// cannot be opened or read.
func Read(name string) (*File, error) {
	text, err := read(name)
	if err != nil {
		return nil, err
	}
	return Parse(name, text)
}

// Parse reads text as the content of the named file. The error is always a
// *SyntaxError.
func Parse(name string, text []byte) (*File, error) {
	p := parser{name: name, text: text, line: 1}
	values, err := p.file()
	if err != nil {
		return nil, err
	}
	return &File{name: name, values: values}, nil
}

// Uint returns the value of an unsigned integer of 32 bits, and whether it is
// set. It fails if the value is something else.
func (f *File) Uint(name string) (n uint32, set bool, err error) {
	v, set := f.values[name]
	switch {
	case !set:
		return 0, false, nil
	case v.kind != integerKind || v.negative:
		return 0, false, f.Errorf("expected an unsigned integer for '%s' parameter", name)
	case v.number > math.MaxUint32:
		return 0, false, f.Errorf("value for '%s' parameter must be in range 0:%d", name, uint32(math.MaxUint32))
	}
	return uint32(v.number), true, nil
}

// String returns the value of a string, and whether it is set. It fails if the
// value is something else.
func (f *File) String(name string) (s string, set bool, err error) {
	v, set := f.values[name]
	if set && v.kind != textKind {
		return "", false, f.Errorf("expected a string for '%s' parameter", name)
	}
	return v.text, set, nil
}

// Errorf makes an error about a value of the file.
func (f *File) Errorf(format string, args ...any) error {
	return fmt.Errorf("internal error: %s: %s", f.name, fmt.Sprintf(format, args...))
}

// read returns the content of the named file.
func read(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, &fileError{"open", name, err}
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxSize+1))
	if err == nil && len(text) > maxSize {
		err = syscall.EOVERFLOW
	}
	if err != nil {
		return nil, &fileError{"read", name, err}
	}
	return text, nil
}

// fileError says why a file could not be opened or read.
type fileError struct {
	verb, name string
	err        error
}

func (e *fileError) Error() string {
	return fmt.Sprintf("Failed to %s file '%s': %s", e.verb, e.name, reason(e.err))
}

func (e *fileError) Unwrap() error { return e.err }

// reason returns the kernel's reason as the C library words it: Go has the same
// texts, but without the capital letter.
func reason(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err.Error()
	}
	first, size := utf8.DecodeRuneInString(errno.Error())
	return string(unicode.ToUpper(first)) + errno.Error()[size:]
}
