package main

import "os"

// colour is how a word stands out on a terminal.
type colour string

const (
	plain  colour = ""
	red    colour = "31"
	green  colour = "32"
	yellow colour = "33"
)

// wantsColour reports whether a file is a terminal whose user has not asked for
// plain text, in the way of no-color.org.
func wantsColour(f *os.File) bool {
	return columns(f) > 0 && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// paint colours a word where that is wanted. A cell of a table must not be one
// that is cut.
func (e *env) paint(c colour, word string) string {
	if !e.colour || c == plain {
		return word
	}
	return "\x1b[" + string(c) + "m" + word + "\x1b[0m"
}

// state says in a word whether a process lives.
func (e *env) state(alive bool) string {
	if alive {
		return e.paint(green, "alive")
	}
	return e.paint(red, "dead")
}
