package main

import (
	"bufio"
	"io"
)

// answer is standard output. It knows whether what was printed last is followed
// by an empty line already, as tables are.
type answer struct {
	*bufio.Writer
	printed bool    // since the last separate or forget
	last    [2]byte // that were written
}

func newAnswer(w io.Writer) *answer { return &answer{Writer: bufio.NewWriter(w)} }

// Write hides that of bufio.Writer.
func (a *answer) Write(p []byte) (int, error) {
	for _, c := range p[max(0, len(p)-2):] {
		a.last[0], a.last[1] = a.last[1], c
	}
	a.printed = a.printed || len(p) > 0
	return a.Writer.Write(p)
}

// said tells that a line was written to the same terminal by another way.
func (a *answer) said() {
	a.printed, a.last = true, [2]byte{0, '\n'}
}

// separate writes an empty line after what was printed, if it has none.
func (a *answer) separate() {
	if a.printed && a.last != [2]byte{'\n', '\n'} {
		_, _ = a.WriteString("\n") // an error comes again with Flush
	}
	a.forget()
}

// forget says that what was printed needs no empty line.
func (a *answer) forget() {
	a.printed, a.last = false, [2]byte{}
}
