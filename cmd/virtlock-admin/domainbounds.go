package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
)

// The bounds of a guest's description, which may come from anybody.
const (
	// domainLimit is the longest text that libvirt passes on.
	domainLimit = 4 << 20
	// depthLimit is how deep libxml2 follows elements by itself.
	depthLimit = 256
	// elementLimit is far more than a guest of a thousand disks has, and little to
	// keep and to ask the daemon about.
	elementLimit = 40_000
)

// boundedTokens keeps away from the reader of the description what it has not to
// see: a document type, with which come entities and the names of other files,
// elements that are too deep or too many, and what is beside the root element.
// Elements of a namespace, as <qemu:commandline>, get names that nobody looks for.
type boundedTokens struct {
	decoder         *xml.Decoder
	depth, elements int
}

func (b *boundedTokens) Token() (xml.Token, error) {
	token, err := b.decoder.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case xml.Directive:
		return nil, errors.New("it has a document type, which could define entities")
	case xml.CharData:
		if b.depth == 0 && len(bytes.TrimSpace(bytes.TrimPrefix(t, byteOrderMark))) > 0 {
			return nil, errors.New("there is text outside of its root element")
		}
	case xml.StartElement:
		if err := b.open(); err != nil {
			return nil, err
		}
		t.Name = plainName(t.Name)
		return t, nil
	case xml.EndElement:
		b.depth--
		t.Name = plainName(t.Name)
		return t, nil
	}
	return token, nil
}

// byteOrderMark is what some editors write first.
var byteOrderMark = []byte("\ufeff")

// open counts one more element.
func (b *boundedTokens) open() error {
	if b.depth == 0 && b.elements > 0 {
		return errors.New("it has a second root element")
	}
	b.depth++
	b.elements++
	switch {
	case b.depth > depthLimit:
		return fmt.Errorf("its elements are more than %d deep", depthLimit)
	case b.elements > elementLimit:
		return fmt.Errorf("it has more than %d elements", elementLimit)
	}
	return nil
}

// end reads what follows the root element, where only comments may be.
func (b *boundedTokens) end() error {
	for {
		if _, err := b.Token(); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

// encodingError is a description in an encoding that libvirt prints none in.
type encodingError string

func (e encodingError) Error() string {
	return fmt.Sprintf("it is in %q, and only UTF-8 is read", string(e))
}

func refuseEncoding(name string, _ io.Reader) (io.Reader, error) { return nil, encodingError(name) }

// plainName has no namespace: what had one has a colon instead, which no name
// without one has.
func plainName(name xml.Name) xml.Name {
	if name.Space != "" {
		return xml.Name{Local: ":" + name.Local}
	}
	return name
}
