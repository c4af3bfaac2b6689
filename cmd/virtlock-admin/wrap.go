package main

import (
	"fmt"
	"strings"
)

// labelWidth is how far to the right the values of printField stand.
const labelWidth = 16

// printWrapped prints a field whose value may take several lines.
func (e *env) printWrapped(name, value string) {
	lines := e.wrap(value, labelWidth)
	printField(e.out, name, lines[0])
	for _, line := range lines[1:] {
		fmt.Fprintf(e.out, "%*s%s\n", labelWidth, "", line)
	}
}

// printItem prints a sentence of a list.
func (e *env) printItem(s string) {
	for i, line := range e.wrap(s, 4) {
		mark := " "
		if i == 0 {
			mark = "-"
		}
		fmt.Fprintf(e.out, "  %s %s\n", mark, line)
	}
}

// wrap breaks a text at blanks into lines that fit the terminal beside what
// stands left of them. A word that does not fit stays whole: it may have to be
// copied.
func (e *env) wrap(text string, left int) []string {
	room := e.width - left
	if e.width == 0 || room < 20 {
		return []string{text}
	}
	var lines []string
	line := ""
	for word := range strings.SplitSeq(text, " ") {
		switch {
		case line == "":
			line = word
		case textWidth(line)+1+textWidth(word) <= room:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}

// fitted is the value of a field cut to the terminal.
func (e *env) fitted(value string) string {
	if e.width == 0 {
		return value
	}
	return shorten(value, max(e.width-labelWidth, minimum), cutEnd)
}
