package main

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// quote makes a text from outside safe to show: as a Go string when it has
// anything that cannot be printed, or looks like one.
func quote(text string) string {
	if !utf8.ValidString(text) || strings.HasPrefix(text, `"`) || strings.ContainsFunc(text, isTrick) {
		return strconv.Quote(text)
	}
	return text
}

func isTrick(r rune) bool { return !unicode.IsPrint(r) }

// shown is a value of a document, quoted and not longer than a line.
func shown(value string) string {
	const most = 60
	if runes := []rune(value); len(runes) > most {
		return strconv.Quote(string(runes[:most])) + "…"
	}
	return strconv.Quote(value)
}

// printable is a text of several lines without what would play tricks on the
// terminal.
func printable(text []byte) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && isTrick(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(string(text), "?"))
}

// plural counts things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}
