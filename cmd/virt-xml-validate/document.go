package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// sizeLimit is the largest document that is looked at. libvirt itself takes no
// more than 4 MiB in one call.
const sizeLimit = 16 << 20

// document is what a file holds.
type document struct {
	// bytes is what libxml2 gets to see.
	bytes []byte
	// text is the same in UTF-8, or in an encoding that has ASCII in its place.
	text []byte
	// root is the name of the root element, or "" where none was found. What
	// breaks off later may have one all the same.
	root string
}

// refusal is why a document is not given to libxml2.
type refusal struct{ reason string }

func (e *refusal) Error() string { return e.reason }

func refusef(format string, args ...any) error { return &refusal{fmt.Sprintf(format, args...)} }

// errNotXML is a document that does not start as XML does. It is not given to
// libxml2 either, which would try whether it is compressed.
var errNotXML = errors.New("it does not start with an element")

// readDocument reads a document and makes sure that libxml2 may see it. The
// error is a *refusal, errNotXML, or that of the reader.
func readDocument(from io.Reader) (*document, error) {
	content, err := readAll(from)
	if err != nil {
		return nil, err
	}
	if content, err = unpack(content); err != nil {
		return nil, err
	}
	text, err := decode(content)
	if err != nil {
		return nil, err
	}
	root, err := findRoot(text)
	if err != nil {
		return nil, err
	}
	return &document{bytes: content, text: text, root: root}, nil
}

// readAll reads no more than a document may have.
func readAll(from io.Reader) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(from, sizeLimit+1))
	if err == nil && len(content) > sizeLimit {
		err = refusef("it has more than %d MiB", sizeLimit>>20)
	}
	return content, err
}

// unpack undoes the compression that libxml2 would undo without a bound.
func unpack(content []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(content, []byte("\xfd7zXZ")), bytes.HasPrefix(content, []byte("]\x00")):
		return nil, refusef("it is compressed, in a way that is not undone here: unpack it first")
	case !bytes.HasPrefix(content, []byte("\x1f\x8b")):
		return content, nil
	}
	packed, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, errNotXML
	}
	content, err = readAll(packed)
	if err != nil && !errors.As(err, new(*refusal)) {
		return nil, errNotXML
	}
	return content, err
}
