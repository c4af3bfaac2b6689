package main

import (
	"bytes"
	"strings"
)

// spread is the document with one more end of line in each start tag, where
// blanks mean nothing. libxml2 tells only the line on which a start tag ends:
// now each has a line of its own.
func (t *tree) spread() []byte {
	out := make([]byte, 0, len(t.text)+len(t.elements))
	from := 0
	for _, e := range t.elements {
		at := e.tagEnd - 1
		if t.text[at-1] == '/' {
			at--
		}
		out = append(append(out, t.text[from:at]...), '\n')
		from = at
	}
	return append(out, t.text[from:]...)
}

// maxLine is the largest line that libxml2 tells.
const maxLine = 65534

// locate finds the elements that messages about the spread document mean.
func (t *tree) locate(messages []message) []located {
	byLine := t.linesOfTags()
	list := make([]located, len(messages))
	for i, m := range messages {
		list[i].message = m
		if e := byLine[m.line]; e != nil && m.line <= maxLine && localName(e.name) == localName(m.element) {
			list[i].element = e
			list[i].line = e.line
		} else {
			list[i].line = 0 // it is one of the spread document
		}
	}
	return list
}

// locateByName finds elements that messages without a place name.
func (t *tree) locateByName(list []located) {
	for i, l := range list {
		names, ok := match("Extra element * in interleave", l.text)
		if ok && l.element == nil {
			list[i].element = t.only(names[0])
		}
	}
}

// only is the element with a name, or nil where several have it.
func (t *tree) only(name string) *element {
	var found *element
	for _, e := range t.elements {
		switch {
		case localName(e.name) != name:
		case found != nil:
			return nil
		default:
			found = e
		}
	}
	return found
}

// linesOfTags are the elements by the line of the spread document that their
// start tag ends on.
func (t *tree) linesOfTags() map[int]*element {
	byLine := make(map[int]*element, len(t.elements))
	line, from := 1, 0
	for _, e := range t.elements {
		line += bytes.Count(t.text[from:e.tagEnd], []byte("\n")) + 1
		from = e.tagEnd
		byLine[line] = e
	}
	return byLine
}

func localName(name string) string { return name[strings.LastIndexByte(name, ':')+1:] }
