package main

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// watchPause is the time between two looks when nobody says otherwise.
const watchPause = 2 * time.Second

// parsePause reads the argument of a command that is repeated.
func parsePause(args []string) (time.Duration, error) {
	if len(args) == 0 {
		return watchPause, nil
	}
	seconds, err := strconv.ParseFloat(args[0], 64)
	if err != nil || !(seconds >= 0.1) || seconds > longestTimeout.Seconds() {
		return 0, usagef("", "--watch needs a number of SECONDS, 0.1 at least, not %q", args[0])
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// watch shows again and again what show prints, in place on a terminal, until
// Ctrl-C. Once there was an answer a daemon that is away, as while it is
// restarted, is shown in place of it.
func (e *env) watch(ctx context.Context, pause time.Duration, show func(context.Context) error) error {
	out := e.out
	defer func() { e.out = out }()
	for shown := false; ; shown = true {
		e.measure()
		var screen bytes.Buffer
		e.out = &screen
		limited, cancel := e.limit(ctx)
		err := show(limited)
		cancel()
		e.out = out
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !shown:
			return err
		case err != nil:
			message, _, _ := explain(err)
			fmt.Fprintf(&screen, "error: %s\n", harmless(message))
		}
		e.refresh(screen.String(), pause)
		if err := e.flush(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// refresh prints what is seen now. A terminal's cursor goes up to the corner, and
// what was there before is wiped out line by line, so that nothing flickers.
func (e *env) refresh(screen string, pause time.Duration) {
	if e.width == 0 || e.options.json || e.options.quiet {
		fmt.Fprint(e.out, screen)
		return
	}
	lines := strings.Split(strings.TrimRight(screen, "\n"), "\n")
	if room := e.height - 2; e.height > 2 && len(lines) > room {
		left := len(lines) - room + 1
		lines = append(lines[:room-1], fmt.Sprintf("… and %d more", left))
	}
	title := fmt.Sprintf("Every %v: %s", pause, e.moment(e.now()))
	fmt.Fprint(e.out, "\x1b[H")
	for _, line := range append([]string{shorten(title, e.width, cutEnd)}, lines...) {
		fmt.Fprintf(e.out, "%s\x1b[K\n", line)
	}
	fmt.Fprint(e.out, "\x1b[J")
}
