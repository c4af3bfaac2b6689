package main

import (
	"bytes"
	"unicode/utf8"
)

// prolog is what stands before the root element.
type prolog struct {
	text   []byte // what is left of it
	refuse error
}

// findRoot returns the name of the root element, or "" where what stands before
// it is broken. It fails for a document type that declares entities or is kept
// elsewhere: an entity may grow without bound or be a file of the host, and no
// document of libvirt's has either. A document that is not understood up to its
// root must not have a document type at all.
//
// encoding/xml would not do here: it does not read all that libxml2 does, and
// what stops it could hide a document type behind it.
func findRoot(text []byte) (string, error) {
	p := prolog{text: text}
	for p.skip() {
	}
	if p.refuse != nil {
		return "", p.refuse
	}
	root := p.root()
	if root == "" && bytes.Contains(p.text, []byte("<!DOCTYPE")) {
		return "", refusef("it has a document type that is not understood")
	}
	return root, nil
}

// skip goes past one thing that may stand before the root element, and reports
// whether there was one.
func (p *prolog) skip() bool {
	p.text = bytes.TrimLeft(p.text, " \t\r\n")
	return p.instruction() || p.past("<!--", "-->") || p.docType()
}

// instruction goes past a processing instruction. One without a name ends at
// once for libxml2, which reads what seems to stand in it. Which characters beyond
// ASCII begin a name is left to libxml2: there must be no document type in those.
func (p *prolog) instruction() bool {
	if len(p.text) < 3 || !beginsName(p.text[2]) {
		return false
	}
	inside, _, _ := bytes.Cut(p.text, []byte("?>"))
	if p.text[2] >= utf8.RuneSelf && bytes.Contains(inside, []byte("<!DOCTYPE")) {
		return false
	}
	return p.past("<?", "?>")
}

// beginsName reports whether a name may begin with a byte.
func beginsName(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || b == '_' || b == ':' || b >= utf8.RuneSelf
}

// past goes past what stands between two marks.
func (p *prolog) past(start, end string) bool {
	inner, found := bytes.CutPrefix(p.text, []byte(start))
	if !found {
		return false
	}
	_, after, found := bytes.Cut(inner, []byte(end))
	if found {
		p.text = after
	}
	return found
}

// docType goes past a document type that is nothing but a name.
func (p *prolog) docType() bool {
	inner, found := bytes.CutPrefix(p.text, []byte("<!DOCTYPE"))
	if !found {
		return false
	}
	end := bytes.IndexAny(inner, ">[\"'")
	switch {
	case end < 0 || inner[end] != '>':
		p.refuse = refusef("its document type has declarations or stands elsewhere: entities are not read")
	case len(bytes.Fields(inner[:end])) != 1:
		p.refuse = refusef("its document type is not understood")
	default:
		p.text = inner[end+1:]
		return true
	}
	return false
}

// nameEnds are the bytes that end the name of an element.
const nameEnds = " \t\r\n/>"

// root is the name of the element that comes now, or "".
func (p *prolog) root() string {
	inner, found := bytes.CutPrefix(p.text, []byte("<"))
	end := bytes.IndexAny(inner, nameEnds)
	if !found || end < 1 || bytes.IndexByte([]byte("!?/"), inner[0]) >= 0 {
		return ""
	}
	return string(inner[:min(end, nameLimit)])
}

// nameLimit is how much of a name is looked at. No schema has a longer one.
const nameLimit = 256
