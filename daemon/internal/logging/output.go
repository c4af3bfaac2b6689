package logging

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Output is a place that the log goes to, and the least level that goes there.
type Output struct {
	Level Level
	Kind  string // one of the names in kinds
	Arg   string // the path of a file, the name for syslog
}

// kinds are the kinds of outputs, and whether each has an argument.
var kinds = map[string]bool{"stderr": false, "syslog": true, "file": true, "journald": false}

// ParseOutputs reads outputs as the configuration has them: "level:stderr",
// "level:syslog:name", "level:file:path" or "level:journald", separated by
// spaces. A relative path starts at the working directory of now. Of two for the
// same place the later one stays.
func ParseOutputs(s string) ([]Output, error) {
	var outputs []Output
	for _, word := range words(s) {
		o, err := parseOutput(word)
		if err != nil {
			return nil, err
		}
		outputs = slices.DeleteFunc(outputs, func(old Output) bool { return old.samePlace(o) })
		outputs = append(outputs, o)
	}
	return outputs, nil
}

func parseOutput(word string) (Output, error) {
	number, place, found := strings.Cut(word, ":")
	if !found {
		return Output{}, invalidf("Malformed format for log output '%s'", word)
	}
	level, ok := parseNumber(number)
	if !ok {
		return Output{}, invalidf("Invalid log priority '%s' for log output '%s'", number, word)
	}
	kind, arg, hasArg := strings.Cut(place, ":")
	wantArg, known := kinds[kind]
	switch {
	case !known:
		return Output{}, invalidf("Invalid log destination '%s' for log output '%s'", kind, word)
	case hasArg != wantArg:
		return Output{}, invalidf("Log output '%s' does not meet the format requirements for destination type '%s'", word, kind)
	}
	if kind == "file" {
		path, err := filepath.Abs(arg)
		if err != nil {
			return Output{}, &OpenError{arg, err}
		}
		arg = path
	}
	return Output{level, kind, arg}, nil
}

// String returns the output as it is written in a configuration.
func (o Output) String() string {
	if kinds[o.Kind] {
		return fmt.Sprintf("%d:%s:%s", o.Level, o.Kind, o.Arg)
	}
	return fmt.Sprintf("%d:%s", o.Level, o.Kind)
}

// samePlace reports whether two outputs differ in their levels at most.
func (o Output) samePlace(other Output) bool { return o.Kind == other.Kind && o.Arg == other.Arg }

// open opens what the output writes to. Only a file can fail: the others are
// dialled when there is something to write, and again after a failure.
func (o Output) open() (destination, error) {
	switch o.Kind {
	case "file":
		return openFile(o.Arg)
	case "syslog":
		return newSyslog(o.Arg), nil
	case "journald":
		return newJournal(journalSocket), nil
	}
	return openStderr()
}
