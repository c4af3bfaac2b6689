package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// What a document may have whose faults are looked for in detail: above, only
// libxml2's lines are told.
const (
	treeBytes    = 4 << 20
	treeElements = 100_000
)

// tree is where in a document its elements stand.
type tree struct {
	text     []byte
	root     *element
	elements []*element // in the order of their start tags
}

// element is an element, by bytes of the text.
type element struct {
	tree       *tree
	name       string
	start, end int // from the start tag to after the end tag
	tagEnd     int // after the start tag
	line       int // of the start tag, from 1
	column     int // of the start tag, in bytes from 1
	attributes []attribute
	parent     *element
	children   []*element
}

// attribute is an attribute, with the blanks before it.
type attribute struct {
	name, value string
	start, end  int
}

// readTree reads a document that libxml2 found well formed. It returns nil where
// its elements cannot be told.
func readTree(d *document) *tree {
	if len(d.text) > treeBytes || !bytes.HasSuffix(d.bytes, d.text) {
		return nil // UTF-16: the text is not what libxml2 sees
	}
	t := &tree{text: d.text}
	decoder := xml.NewDecoder(bytes.NewReader(d.text))
	decoder.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil }
	var open *element
	for {
		start := int(decoder.InputOffset())
		line, column := decoder.InputPos()
		token, err := decoder.RawToken()
		end := int(decoder.InputOffset())
		switch token := token.(type) {
		case xml.StartElement:
			open = t.add(open, fullName(token.Name), start, end)
			open.line, open.column = line, column
		case xml.EndElement:
			if open == nil {
				return nil
			}
			open.end, open = end, open.parent
		}
		if errors.Is(err, io.EOF) && open == nil && t.root != nil {
			return t
		}
		if err != nil || len(t.elements) > treeElements {
			return nil
		}
	}
}

// add notes down a start tag.
func (t *tree) add(parent *element, name string, start, end int) *element {
	e := &element{tree: t, name: name, parent: parent, start: start, tagEnd: end, end: end}
	e.attributes = readAttributes(t.text, start+1+len(name), end)
	t.elements = append(t.elements, e)
	if parent == nil {
		t.root = e
	} else {
		parent.children = append(parent.children, e)
	}
	return e
}

func fullName(name xml.Name) string {
	if name.Space == "" {
		return name.Local
	}
	return name.Space + ":" + name.Local
}

// readAttributes reads the attributes in a part of the text.
func readAttributes(text []byte, from, to int) []attribute {
	var list []attribute
	for {
		equal := bytes.IndexByte(text[from:to], '=')
		if equal < 0 {
			return list
		}
		open := bytes.IndexAny(text[from+equal:to], `"'`)
		if open < 0 {
			return list
		}
		open += from + equal
		length := bytes.IndexByte(text[open+1:to], text[open])
		if length < 0 {
			return list
		}
		closed := open + 1 + length
		list = append(list, attribute{
			name:  string(bytes.TrimSpace(text[from : from+equal])),
			value: string(text[open+1 : closed]),
			start: from, end: closed + 1,
		})
		from = closed + 1
	}
}

// content is what stands between the tags of an element without children.
func (e *element) content() string {
	inner := e.tree.text[e.tagEnd:e.end]
	return string(inner[:max(0, bytes.LastIndex(inner, []byte("</")))])
}

// characters is the column in characters, from 1.
func (e *element) characters() int {
	return utf8.RuneCount(e.tree.text[e.start-e.column+1:e.start]) + 1
}

// path names an element as XPath does, with its number where several siblings
// have its name.
func (e *element) path() string {
	if e.parent == nil {
		return "/" + e.name
	}
	number, count := 0, 0
	for _, sibling := range e.parent.children {
		if sibling.name == e.name {
			count++
		}
		if sibling == e {
			number = count
		}
	}
	if count == 1 {
		return e.parent.path() + "/" + e.name
	}
	return fmt.Sprintf("%s/%s[%d]", e.parent.path(), e.name, number)
}
