package main

import "strings"

// bashLine is a command line of bash, taken apart as bash does it: the last
// word is the one to complete.
type bashLine struct {
	words []string
	// kept is how many bytes of the last word stay as they are: bash
	// replaces only what follows the last of its breaking characters, or an
	// open quote.
	kept int
	// open is the quote that is not closed yet, or 0.
	open byte
}

// splitLine takes a line apart. It expands nothing.
func splitLine(line, breaks string) bashLine {
	var (
		l      bashLine
		word   strings.Builder
		inWord bool
	)
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case l.open != 0 && c == l.open:
			l.open = 0
		case c == '\\' && l.open != '\'' && i+1 < len(line) && escapes(l.open, line[i+1]):
			i++
			word.WriteByte(line[i])
			inWord = true
		case l.open != 0:
			word.WriteByte(c)
		case c == '\'' || c == '"':
			l.open, inWord = c, true
			l.kept = word.Len()
		case c == ' ' || c == '\t' || c == '\n':
			if inWord {
				l.words = append(l.words, word.String())
			}
			word.Reset()
			l.kept, inWord = 0, false
		default:
			word.WriteByte(c)
			inWord = true
			if strings.IndexByte(breaks, c) >= 0 {
				l.kept = word.Len()
			}
		}
	}
	l.words = append(l.words, word.String())
	return l
}

// escapes reports whether a backslash takes away the meaning of c, inside of
// the open quote.
func escapes(open, c byte) bool {
	return open == 0 || strings.IndexByte("\"\\$`", c) >= 0
}

// insertion is what bash has to put in the place of the word.
func (l bashLine) insertion(c candidate) string {
	text := c.text[l.kept:]
	switch l.open {
	case '\'':
		return text // which cannot hold one: bash has no way to write it
	case '"':
		return escape(text, "\"\\$`")
	}
	text = escape(text, " \t\"'\\$`&|;<>()*?[]{}!#~")
	if strings.HasSuffix(text, "=") || strings.HasSuffix(text, "/") {
		return text
	}
	return text + " "
}

// escape puts a backslash before each of the special characters.
func escape(text, special string) string {
	var s strings.Builder
	for i := 0; i < len(text); i++ {
		if strings.IndexByte(special, text[i]) >= 0 {
			s.WriteByte('\\')
		}
		s.WriteByte(text[i])
	}
	return s.String()
}
