package main

import (
	"context"
	"errors"
	"strconv"
	"time"
)

// errNoAnswer is the end of a command that had to wait too long.
var errNoAnswer = errors.New("the daemon does not answer")

// defaultTimeout is how long a command may take when nobody says so.
const defaultTimeout = 10 * time.Second

// longestTimeout, a year, keeps what is typed from overflowing a Duration.
const longestTimeout = 365 * 24 * time.Hour

// parseTimeout reads a number of seconds, perhaps with a fraction.
func parseTimeout(word string) (time.Duration, error) {
	seconds, err := strconv.ParseFloat(word, 64)
	if err != nil || !(seconds >= 0) { // no NaN either
		return 0, usagef("", "option %q needs a number of seconds, not %q", "--timeout", word)
	}
	if seconds >= longestTimeout.Seconds() {
		return longestTimeout, nil
	}
	limit := time.Duration(seconds * float64(time.Second))
	if seconds > 0 {
		limit = max(limit, 1) // 0 would be for ever
	}
	return limit, nil
}

// limit ends a command after the time that its options leave it. A daemon that
// is stopped still has its connections accepted by the kernel, and would be
// waited for until it goes on.
func (e *env) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if e.options.timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, e.options.timeout, errNoAnswer)
}
