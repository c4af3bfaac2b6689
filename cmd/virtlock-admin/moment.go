package main

import "time"

// momentLayouts are the ways to write a time, in the local zone where they name
// none.
var momentLayouts = []string{
	time.RFC3339, "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02",
}

// parseMoment reads a time: how long ago it was, as 2h, or when.
func (e *env) parseMoment(option, word string) (time.Time, error) {
	now := e.now()
	year, month, day := now.Date()
	switch word {
	case "now":
		return now, nil
	case "today":
		return time.Date(year, month, day, 0, 0, 0, 0, now.Location()), nil
	case "yesterday":
		return time.Date(year, month, day-1, 0, 0, 0, 0, now.Location()), nil
	}
	if t, err := time.ParseInLocation("15:04", word, now.Location()); err == nil {
		return time.Date(year, month, day, t.Hour(), t.Minute(), 0, 0, now.Location()), nil
	}
	for _, layout := range momentLayouts {
		if t, err := time.ParseInLocation(layout, word, now.Location()); err == nil {
			return t, nil
		}
	}
	span, err := parseDuration(option, word)
	if err != nil {
		return time.Time{}, usagef("as 2h, 1d, 10:30, today, 2026-11-22 or \"2026-11-22 10:30\"", "option %q needs a time, not %q", option, word)
	}
	return now.Add(-span), nil
}
