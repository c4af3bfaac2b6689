package conf

import (
	"bytes"
	"fmt"
	"math"
)

// kind is the type of a value.
type kind int

const (
	integerKind kind = iota + 1
	textKind
	listKind
)

// value is the value of a setting. The items of lists are checked, but not kept:
// the daemon has no setting that is a list.
type value struct {
	kind kind
	// number is the absolute value of an integer; one that does not fit is the
	// largest that does. negative tells that it had a minus sign.
	number   uint64
	negative bool
	text     string
}

// maxDepth is how deep lists may nest. The parser recurses for each level.
const maxDepth = 100

// SyntaxError is text that does not follow the syntax.
type SyntaxError struct {
	File   string
	Line   int    // the first is 1
	Detail string // what is wrong there
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("configuration file syntax error: %s:%d: %s", e.File, e.Line, e.Detail)
}

// parser is a place in a text.
type parser struct {
	name string
	text []byte
	at   int // index of the next byte
	line int
}

// file parses everything.
func (p *parser) file() (map[string]value, error) {
	values := make(map[string]value)
	for {
		p.skipBlankLines()
		switch {
		case p.end():
			return values, nil
		case p.peek() == '#':
			p.skipLine()
			continue
		}
		name, v, err := p.setting()
		if err != nil {
			return nil, err
		}
		// libvirt takes the first of two.
		if _, set := values[name]; !set {
			values[name] = v
		}
	}
}

// setting parses "name = value" and what ends it.
func (p *parser) setting() (string, value, error) {
	name, err := p.settingName()
	if err != nil {
		return "", value{}, err
	}
	p.skipBlanks()
	if !p.take("=") {
		return "", value{}, p.fail("expecting an assignment")
	}
	p.skipBlanks()
	v, err := p.value(0)
	if err != nil {
		return "", value{}, err
	}
	p.skipBlanks()
	switch c := p.peek(); {
	case p.end() || c == '\n' || c == '\r':
	case c == '#':
		p.skipLine()
	case p.take(";"):
	default:
		return "", value{}, p.fail("expecting a separator")
	}
	return name, v, nil
}

// settingName parses a name.
func (p *parser) settingName() (string, error) {
	if !isLetter(p.peek()) {
		return "", p.fail("expecting a name")
	}
	start := p.at
	for isLetter(p.peek()) || isDigit(p.peek()) || p.peek() == '_' {
		p.at++
	}
	return string(p.text[start:p.at]), nil
}

// value parses one value, inside depth lists.
func (p *parser) value(depth int) (value, error) {
	switch c := p.peek(); {
	case c == '"' || c == '\'':
		return p.quoted()
	case c == '[':
		return p.list(depth + 1)
	case c == '-' || c == '+' || isDigit(c):
		return p.integer()
	}
	return value{}, p.fail("expecting a value")
}

// quoted parses a string with the quotes that it begins with.
func (p *parser) quoted() (value, error) {
	if p.take(`"""`) {
		return p.until(`"""`, p.text[p.at:])
	}
	quote := string(p.text[p.at : p.at+1])
	p.at++
	rest := p.text[p.at:]
	if eol := bytes.IndexAny(rest, "\r\n"); eol >= 0 {
		rest = rest[:eol]
	}
	return p.until(quote, rest)
}

// until parses the rest of a string, up to the quotes, which must be
// within the given beginning of what comes next.
func (p *parser) until(quotes string, within []byte) (value, error) {
	s, _, found := bytes.Cut(within, []byte(quotes))
	p.line += bytes.Count(s, []byte("\n"))
	if !found {
		return value{}, p.fail("unterminated string")
	}
	p.at += len(s) + len(quotes)
	return value{kind: textKind, text: string(s)}, nil
}

// integer parses a number.
func (p *parser) integer() (value, error) {
	v := value{kind: integerKind, negative: p.peek() == '-'}
	if c := p.peek(); c == '-' || c == '+' {
		p.at++
	}
	if !isDigit(p.peek()) {
		return value{}, p.fail("unterminated number")
	}
	for ; isDigit(p.peek()); p.at++ {
		digit := uint64(p.peek() - '0')
		if v.number > (math.MaxUint64-digit)/10 {
			v.number = math.MaxUint64
			continue
		}
		v.number = v.number*10 + digit
	}
	return v, nil
}

// list parses a list. Newlines may stand in it, comments may not: libvirt's
// programs read the same files, and they refuse them.
func (p *parser) list(depth int) (value, error) {
	if depth > maxDepth {
		return value{}, p.fail("lists are nested too deep")
	}
	p.at++
	for {
		p.skipBlankLines()
		switch {
		case p.take("]"):
			return value{kind: listKind}, nil
		case p.end():
			return value{}, p.fail("list is not closed with ]")
		}
		if _, err := p.value(depth); err != nil {
			return value{}, err
		}
		p.skipBlankLines()
		if !p.take(",") && p.peek() != ']' && !p.end() {
			return value{}, p.fail("expecting a separator in list")
		}
	}
}

// end tells whether nothing is left.
func (p *parser) end() bool { return p.at >= len(p.text) }

// peek returns the next byte, 0 at the end.
func (p *parser) peek() byte {
	if p.end() {
		return 0
	}
	return p.text[p.at]
}

// take skips s if that comes next, and tells whether it did.
func (p *parser) take(s string) bool {
	if !bytes.HasPrefix(p.text[p.at:], []byte(s)) {
		return false
	}
	p.at += len(s)
	return true
}

// skipBlanks skips spaces and tabs.
func (p *parser) skipBlanks() {
	for p.peek() == ' ' || p.peek() == '\t' {
		p.at++
	}
}

// skipBlankLines skips spaces, tabs and ends of lines.
func (p *parser) skipBlankLines() {
	for {
		p.skipBlanks()
		switch p.peek() {
		case '\n':
			p.line++
		case '\r':
		default:
			return
		}
		p.at++
	}
}

// skipLine skips what is left of the line.
func (p *parser) skipLine() {
	for !p.end() && p.peek() != '\n' && p.peek() != '\r' {
		p.at++
	}
}

// fail makes an error about the place where the parser is.
func (p *parser) fail(detail string) error {
	return &SyntaxError{File: p.name, Line: p.line, Detail: detail}
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
