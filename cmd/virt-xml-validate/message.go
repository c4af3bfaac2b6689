package main

import (
	"strconv"
	"strings"
)

// message is one thing that libxml2 says about a document.
type message struct {
	line    int    // 0 where it does not tell
	element string // "" where it does not tell
	domain  string // such as "parser", "Relax-NG validity"
	text    string
	// shown are the lines after it: a part of the document, and a mark below the
	// place. A text with a value of several lines goes on there as well.
	shown []string
}

// domains are the parts of libxml2 that find faults, in its words.
var domains = []string{"parser", "namespace", "Relax-NG validity"}

// readMessages takes apart what xmllint says about the document "-".
func readMessages(output []byte) []message {
	var list []message
	for line := range strings.Lines(string(output)) {
		line = strings.TrimSuffix(line, "\n")
		if m, ok := readMessage(line); ok {
			list = append(list, m)
		} else if len(list) > 0 && !isLastLine(line) {
			last := &list[len(list)-1]
			last.shown = append(last.shown, line)
		}
	}
	return list
}

// readMessage reads a line that starts a message: a place, an element and a
// domain, of which the first two may be missing.
func readMessage(line string) (message, bool) {
	var m message
	rest, placed := strings.CutPrefix(line, standardInput+":")
	if placed {
		number, after, _ := strings.Cut(rest, ": ")
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 {
			return m, false
		}
		m.line, rest = n, after
	}
	if after, ok := strings.CutPrefix(rest, "element "); ok {
		m.element, rest, ok = strings.Cut(after, ": ")
		if !ok {
			return m, false
		}
	}
	for _, domain := range domains {
		if text, ok := strings.CutPrefix(rest, domain+" error : "); ok {
			m.domain, m.text = domain, text
			return m, true
		}
	}
	return m, false
}

// isLastLine reports whether a line is the verdict, after all messages.
func isLastLine(line string) bool {
	return line == standardInput+" fails to validate" || line == standardInput+" validates"
}

// rawText is libxml2's output with the file in the place of standard input.
func rawText(file string, output []byte) string {
	var text strings.Builder
	for line := range strings.Lines(string(output)) {
		rest, found := strings.CutPrefix(line, standardInput)
		_, isMessage := readMessage(strings.TrimSuffix(line, "\n"))
		if found && (isMessage || isLastLine(strings.TrimSuffix(line, "\n")) || strings.HasPrefix(rest, ":")) {
			line = quote(file) + rest
		}
		text.WriteString(line)
	}
	return printable([]byte(text.String()))
}
