package main

import (
	"os"
	"path/filepath"
	"slices"
)

// standardInput is the file that is no file.
const standardInput = "-"

// job is what a command line asks for.
type job struct {
	files  []string
	schema string // "": what the root element says
	// several is whether there may be more than one result, so that a summary
	// is wanted.
	several bool
	// missing are results of what cannot be found.
	missing []result
}

// readArguments reads the words after the options.
func (e *env) readArguments(args []string) (*job, error) {
	if len(args) == 0 || args[0] == "" {
		return nil, usagef(programName+" --help says how to use it", "needs an XML-FILE, or - for standard input")
	}
	j := &job{schema: e.options.schema}
	if len(args) == 2 && j.schema == "" && isSchema(args[1]) {
		j.schema, args = args[1], args[:1]
	}
	for _, arg := range args {
		if err := j.add(arg); err != nil {
			return nil, err
		}
	}
	j.several = j.several || len(args) > 1
	return j, nil
}

// isSchema decides what the second of two arguments is. It is a schema for
// libvirt's script; here it is another file if there is one, unless it is just
// what a schema is called.
func isSchema(word string) bool {
	if word == "" || slices.ContainsFunc(schemas, func(s schema) bool { return s.name == word }) {
		return true
	}
	_, err := os.Stat(word)
	return err != nil && word != standardInput && len(matches(word)) == 0
}

// matches are the files that a pattern names.
func matches(pattern string) []string {
	names, err := filepath.Glob(pattern)
	if err != nil {
		return nil // not a pattern
	}
	return names
}

// add adds the files that an argument names: itself, those in a directory and
// below, or those that match a pattern.
func (j *job) add(arg string) error {
	if arg == standardInput {
		if slices.Contains(j.files, arg) {
			return usagef("", "standard input can be read only once")
		}
		j.files = append(j.files, arg)
		return nil
	}
	names := []string{arg}
	if _, err := os.Stat(arg); err != nil && len(matches(arg)) > 0 {
		names, j.several = matches(arg), true
	}
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			j.addDirectory(name)
		} else {
			j.files = append(j.files, name)
		}
	}
	return nil
}
