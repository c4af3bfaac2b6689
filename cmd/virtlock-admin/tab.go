package main

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"
)

// mostShown is how many candidates Tab shows. A host may have thousands of locks.
const mostShown = 100

// tab answers the key in the shell: what to insert after a line up to the cursor,
// or if that is nothing what to show.
func (e *env) tab(line string) (insert, show string) {
	ctx, cancel := context.WithTimeout(context.Background(), completionTime)
	defer cancel()
	s := readCommands(line)
	if s.comment || s.escaped {
		return "", ""
	}
	probe := *e // which the words before the cursor may point to another daemon
	probe.options = e.session
	list := complete(ctx, &probe, append(s.words, string(s.word)))
	switch len(list) {
	case 0:
		return "", ""
	case 1:
		return s.insertion(list[0].text, true), ""
	}
	if insert = s.insertion(commonStart(list), false); insert != "" {
		return insert, ""
	}
	return "", showCandidates(list, e.columns())
}

// insertion is what has to follow the word under way to make it the text, which
// starts with it. whole says that no more can follow in the same word, unless it
// ends in = or /.
func (s commandString) insertion(text string, whole bool) string {
	rest := text[len(s.word):]
	whole = whole && !strings.HasSuffix(text, "=") && !strings.HasSuffix(text, "/")
	end := ""
	if whole {
		end = " "
	}
	switch s.open {
	case '\'':
		rest = strings.ReplaceAll(rest, `'`, `'\''`)
	case '"':
		rest = escape(rest, `"\`)
	default:
		if rest = escape(rest, " \t\"'\\;"); !s.inWord && strings.HasPrefix(rest, "#") {
			rest = `\` + rest
		}
		return rest + end
	}
	if whole {
		end = string(s.open) + " "
	}
	return rest + end
}

// commonStart is what all candidates start with.
func commonStart(list []candidate) string {
	start := list[0].text
	for _, c := range list[1:] {
		for !strings.HasPrefix(c.text, start) {
			_, size := utf8.DecodeLastRuneInString(start)
			start = start[:len(start)-size]
		}
	}
	return start
}

// showCandidates lays candidates out in columns. One that is wider than the screen
// has lines of its own.
func showCandidates(list []candidate, width int) string {
	more := len(list) - mostShown
	list = list[:min(len(list), mostShown)]
	widest := 0
	for _, c := range list {
		widest = max(widest, textWidth(c.text))
	}
	widest += 2
	columns := max(1, width/widest)
	rows := (len(list) + columns - 1) / columns
	var s strings.Builder
	for row := range rows {
		line := ""
		for i := row; i < len(list); i += rows {
			line += list[i].text + strings.Repeat(" ", widest-textWidth(list[i].text))
		}
		fmt.Fprintln(&s, strings.TrimRight(line, " "))
	}
	if more > 0 {
		fmt.Fprintf(&s, "and %d more\n", more)
	}
	return s.String()
}
