package main

import (
	"strconv"
	"strings"
	"time"
)

// parseDuration reads a time span: a number of seconds, or numbers with units as
// in "1h30m", where d stands for days.
func parseDuration(option, word string) (time.Duration, error) {
	if seconds, err := strconv.ParseFloat(word, 64); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, longestTimeout.Seconds()) * float64(time.Second)), nil
	}
	days, rest, hasDays := strings.Cut(word, "d")
	if !hasDays {
		days, rest = "0", word
	}
	n, err := strconv.ParseUint(days, 10, 16)
	span := time.Duration(n) * 24 * time.Hour
	if err == nil && (rest != "" || !hasDays) {
		var part time.Duration
		part, err = time.ParseDuration(rest)
		span += part
	}
	if err != nil || span < 0 {
		return 0, usagef("as 30s, 5m, 2h or 1d", "option %q needs a time span, not %q", option, word)
	}
	return min(span, longestTimeout), nil
}
