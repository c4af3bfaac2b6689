package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
)

// lineReader gives the lines of the shell.
type lineReader interface {
	// next returns the next line. It fails with io.EOF after the last one, with
	// errForgotten when the person changed their mind about it, and with the cause
	// of the context.
	next(ctx context.Context, prompt string) (string, error)
	close()
}

// errForgotten is a line that ended in Ctrl-C.
var errForgotten = errors.New("line forgotten")

// plainLines are lines as they are, from a script or from a terminal that cannot
// do more.
type plainLines struct {
	in      *bufio.Reader
	prompts io.Writer
}

func newPlainLines(in io.Reader, prompts io.Writer) *plainLines {
	return &plainLines{in: bufio.NewReader(in), prompts: prompts}
}

func (p *plainLines) next(ctx context.Context, prompt string) (string, error) {
	_, _ = io.WriteString(p.prompts, prompt) // that nobody sees it is no reason to stop
	type result struct {
		line string
		err  error
	}
	// A read of a pipe cannot be cancelled. When it is left alone the program ends.
	read := make(chan result, 1)
	go func() {
		line, err := p.in.ReadString('\n')
		read <- result{line, err}
	}()
	select {
	case r := <-read:
		if r.err != nil && r.line == "" {
			return "", r.err
		}
		return strings.TrimSuffix(r.line, "\n"), nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

func (p *plainLines) close() {}
