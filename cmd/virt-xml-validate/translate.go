package main

import "strings"

// kind is how much a message of libxml2 tells.
type kind int

const (
	noise   kind = iota // only that something further inside is wrong
	hinting             // roughly where
	telling             // what
)

// sentence is how one of libxml2's sentences is told here.
type sentence struct {
	pattern string // its words, with a * for each name or value
	kind    kind
	words   string // ours, with $1 and $2 for them, quoted
	// expected is which of them is what should be there: 0 for none.
	expected int
}

// sentences are those that libxml2's RELAX NG has for faults of documents.
var sentences = []sentence{
	{"Expecting an element *, got nothing", telling, "an element is missing in it", 1},
	{"Expecting element *, got *", telling, "element $2 stands where another is expected", 1},
	{"Expecting an element got text", telling, "text stands where an element is expected", 0},
	{"Expecting a namespace for element *", telling, "element $1 needs a namespace", 0},
	{"Element * has wrong namespace: expecting *", telling, "element $1 is in the wrong namespace", 2},
	{"Expecting no namespace for element *", telling, "element $1 must not have a namespace", 0},
	{"Element * has extra content: *", telling, "element $1 has no place for $2 here", 0},
	{"Did not expect element * there", telling, "element $1 has no place here", 0},
	{"Did not expect text in element * content", telling, "text has no place in element $1", 0},
	{"Expecting element * to be empty", telling, "element $1 must be empty", 0},
	{"Invalid attribute * for element *", telling, "attribute $1 is not known to element $2, or has a wrong value", 0},
	{"Type * doesn't allow value '*'", telling, "the value $2 is of the wrong type", 1},
	{"Datatype element * contains no data", telling, "element $1 needs a value", 0},
	{"Datatype element * has child elements", telling, "element $1 must have text only", 0},
	{"Value element * has child elements", telling, "element $1 must have text only", 0},
	{"List element * has child elements", telling, "element $1 must have text only", 0},
	{"Extra data in list: *", telling, "$1 is too much in the list", 0},
	{"Element * failed to validate attributes", hinting, "an attribute of element $1 is missing, or is wrong", 0},
	{"Extra element * in interleave", hinting, "element $1 has no place here, or is wrong inside", 0},
	{"Element * failed to validate content", noise, "", 0},
	{"Invalid sequence in interleave", noise, "", 0},
	{"Error validating datatype *", noise, "", 0},
	{"Error validating value *", noise, "", 0},
	{"Error validating list", noise, "", 0},
	{"failed to validate type *", noise, "", 0},
}

// translate puts a sentence of libxml2 into words for a person. One that is not
// known here is told as it is.
func translate(text string) (problem, kind) {
	for _, s := range sentences {
		names, ok := match(s.pattern, text)
		if !ok {
			continue
		}
		p := problem{Message: fill(s.words, names)}
		if s.expected > 0 && names[s.expected-1] != "" {
			p.Expected = []string{quote(names[s.expected-1])}
		}
		return p, s.kind
	}
	return problem{Message: quote(text)}, telling
}

// match returns what stands for the stars of a pattern.
func match(pattern, text string) ([]string, bool) {
	parts := strings.Split(pattern, "*")
	text, ok := strings.CutPrefix(text, parts[0])
	if !ok {
		return nil, false
	}
	var names []string
	for i, part := range parts[1:] {
		at := strings.Index(text, part)
		if i == len(parts)-2 { // the last one ends the text
			at = len(text) - len(part)
		}
		if at < 0 || text[at:at+len(part)] != part {
			return nil, false
		}
		names, text = append(names, text[:at]), text[at+len(part):]
	}
	return names, text == ""
}

// fill puts quoted names into words.
func fill(words string, names []string) string {
	for i, name := range names {
		words = strings.ReplaceAll(words, "$"+string(rune('1'+i)), shown(name))
	}
	return words
}
