package main

import (
	"encoding/xml"
	"errors"
	"fmt"
)

// The bounds of a guest's description, which may come from anybody.
const (
	// domainLimit is the longest text that libvirt passes on.
	domainLimit = 4 << 20
	// depthLimit is how deep libxml2 follows elements by itself.
	depthLimit = 256
)

// boundedTokens keeps away from the reader of the description what it has not to
// see: a document type, with which come entities and the names of other files, and
// elements that are too deep. Elements of a namespace, as <qemu:commandline>, get
// names that nobody looks for.
type boundedTokens struct {
	decoder *xml.Decoder
	depth   int
}

func (b *boundedTokens) Token() (xml.Token, error) {
	token, err := b.decoder.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case xml.Directive:
		return nil, errors.New("it has a document type, which could define entities")
	case xml.StartElement:
		if b.depth++; b.depth > depthLimit {
			return nil, fmt.Errorf("its elements are more than %d deep", depthLimit)
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

// plainName has no namespace: what had one has a colon instead, which no name
// without one has.
func plainName(name xml.Name) xml.Name {
	if name.Space != "" {
		return xml.Name{Local: ":" + name.Local}
	}
	return name
}
