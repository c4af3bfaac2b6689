package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// errNotConfirmed is the end of a command that the person did not want after all.
var errNotConfirmed = errors.New("nothing was changed")

// confirm asks the person at the terminal to type a word. Where nobody is there
// the answer has to be in the command line.
func (e *env) confirm(ctx context.Context, question, word string) error {
	if !e.person {
		return usagef("in a script, --yes answers it", "somebody has to confirm this at a terminal")
	}
	if err := e.flush(); err != nil {
		return err
	}
	fmt.Fprintf(e.err, "%s (type %s): ", question, quote(word))
	line, err := e.readAnswer(ctx)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return err
	case strings.TrimSpace(line) != word:
		return errNotConfirmed
	}
	return nil
}

// readAnswer reads one line and nothing behind it, which may be for the shell. A
// terminal is asked first whether there is anything, so that Ctrl-C ends it.
func (e *env) readAnswer(ctx context.Context) (string, error) {
	var line []byte
	for {
		if f, ok := e.in.(*os.File); ok {
			if err := waitReadable(ctx, int(f.Fd())); err != nil {
				return "", err
			}
		}
		var c [1]byte
		n, err := e.in.Read(c[:])
		switch {
		case n == 1 && c[0] == '\n':
			return string(line), nil
		case n == 1:
			line = append(line, c[0])
		case err != nil:
			return string(line), err
		}
	}
}

func waitReadable(ctx context.Context, fd int) error {
	for {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, 100)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && !errors.Is(err, unix.EINTR):
			return fmt.Errorf("wait for an answer: %w", err)
		case n > 0:
			return nil
		}
	}
}
