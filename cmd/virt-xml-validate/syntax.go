package main

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"
)

// syntaxProblems are the faults for which a document is no XML.
func syntaxProblems(messages []message, text []byte) []problem {
	var list []problem
	for _, m := range messages {
		if m.domain == "Relax-NG validity" || len(list) == problemLimit {
			continue
		}
		list = append(list, problem{Line: m.line, Message: syntaxWords(m.text), Column: m.column(lineOf(text, m.line))})
	}
	return slices.CompactFunc(list, func(a, b problem) bool { return a.String() == b.String() })
}

// lineOf is a line of a text, from 1. A text may have as many lines as bytes, which
// would take much memory to keep them all.
func lineOf(text []byte, number int) (line []byte) {
	for ; number > 0; number-- {
		line, text, _ = bytes.Cut(text, []byte("\n"))
	}
	return line
}

// lineLimit is how much a line may have that a place is looked for in.
const lineLimit = 64 << 10

// column is where in the line the mark of a message stands, in characters, or 0.
func (m message) column(line []byte) int {
	if len(m.shown) < 2 || len(line) > lineLimit {
		return 0
	}
	part, mark := m.shown[len(m.shown)-2], m.shown[len(m.shown)-1]
	start := bytes.Index(line, []byte(part))
	at := strings.IndexByte(mark, '^')
	if start < 0 || at < 0 || bytes.Count(line, []byte(part)) > 1 {
		return 0
	}
	return utf8.RuneCount(line[:min(start+at, len(line))]) + 1
}

// syntaxWords is what a syntax error means. libxml2's own words are kept where
// they are plain.
func syntaxWords(text string) string {
	switch {
	case strings.HasPrefix(text, "Premature end of data in tag "):
		name, line, _ := strings.Cut(strings.TrimPrefix(text, "Premature end of data in tag "), " line ")
		return "the file ends before element " + shown(name) + " of line " + quote(line) + " does"
	case strings.HasPrefix(text, "Opening and ending tag mismatch: "):
		open, end, _ := strings.Cut(strings.TrimPrefix(text, "Opening and ending tag mismatch: "), " and ")
		name, line, _ := strings.Cut(open, " line ")
		return "end tag " + shown(end) + ", but element " + shown(name) + " of line " + quote(line) + " is still open"
	case strings.HasPrefix(text, "Excessive depth in document: "):
		return "elements are nested too deep"
	case text == "Document is empty":
		return "it is empty"
	}
	return quote(text)
}
