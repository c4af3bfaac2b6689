package logging

import (
	"log/slog"
	"strconv"
	"strings"
)

// Level is how important a message is. The numbers are those of libvirt's
// configuration.
type Level int

// The levels, the least important first.
const (
	Debug Level = iota + 1
	Info
	Warning
	Error
)

// off is above all levels.
const off = Error + 1

// valid reports whether l is one of the four levels.
func (l Level) valid() bool { return l >= Debug && l <= Error }

// String returns the level's name as log lines have it.
func (l Level) String() string {
	switch l {
	case Debug:
		return "debug"
	case Info:
		return "info"
	case Warning:
		return "warning"
	case Error:
		return "error"
	}
	return "level " + strconv.Itoa(int(l))
}

// levelOf returns the level of a slog level; those between two count as the
// lower one, as in slog.
func levelOf(l slog.Level) Level {
	switch {
	case l < slog.LevelInfo:
		return Debug
	case l < slog.LevelWarn:
		return Info
	case l < slog.LevelError:
		return Warning
	}
	return Error
}

// ParseLevel reads a level as LIBVIRT_DEBUG has it: a number or a name.
func ParseLevel(s string) (Level, error) {
	for l := Debug; l <= Error; l++ {
		if s == l.String() {
			return l, nil
		}
	}
	if l, ok := parseNumber(s); ok {
		return l, nil
	}
	return 0, invalidf("Failed to set logging priority, argument '%s' is invalid", s)
}

// CheckLevel fails if l is not a level.
func CheckLevel(l Level) error {
	if !l.valid() {
		return invalidf("Failed to set logging priority, argument '%d' is invalid", int(l))
	}
	return nil
}

// parseNumber reads the number of a level. White space and zeros before it are
// fine: libvirt reads it with strtoul.
func parseNumber(s string) (Level, bool) {
	n, err := strconv.Atoi(strings.TrimLeft(s, " \t"))
	return Level(n), err == nil && Level(n).valid()
}
