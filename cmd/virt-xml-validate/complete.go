package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// completeWord is the first word of the calls that the scripts in completion/
// make. The others are what was typed; the last one is to be completed.
const completeWord = "__complete"

// Marks in the place of a candidate, for what the shells know better.
const (
	markFiles       = ":files"
	markDirectories = ":directories"
)

// candidate is a word that could stand where the cursor is.
type candidate struct{ text, help string }

// runComplete prints candidates, one on a line, and never fails.
func (e *env) runComplete(words []string) int {
	for _, c := range complete(words) {
		fmt.Fprintf(e.out, "%s\t%s\n", c.text, strings.ReplaceAll(c.help, "`", ""))
	}
	return exitOK
}

// complete returns the candidates for the last of the words.
func complete(words []string) []candidate {
	words = join(words)
	typed := words[len(words)-1]
	option, args, ended := readTyped(words[:len(words)-1])
	name, value, hasValue := strings.Cut(typed, "=")
	var list []candidate
	switch {
	case option != nil:
		list = optionValues(option)
	case !ended && hasValue && isOption(typed):
		list, typed = optionValues(findOption(options(), name)), value
	case !ended && strings.HasPrefix(typed, "-"):
		list = allOptions()
	case args == 1:
		list = append(schemaCandidates(), candidate{text: markFiles})
	default:
		list = []candidate{{text: markFiles}}
	}
	return slices.DeleteFunc(list, func(c candidate) bool {
		return !strings.HasPrefix(c.text, ":") && !strings.HasPrefix(c.text, typed)
	})
}

// join undoes that bash makes three words of --schema=domain.
func join(words []string) []string {
	if len(words) == 0 {
		return []string{""}
	}
	n := len(words)
	switch {
	case n > 1 && words[n-1] == "=":
		return append(slices.Clone(words[:n-1]), "")
	case n > 2 && words[n-2] == "=":
		return append(slices.Clone(words[:n-2]), words[n-1])
	}
	return words
}

// readTyped reads the words before the cursor: the option whose value is to
// come, if any, and how many arguments there are.
func readTyped(words []string) (option cli.Flag, args int, ended bool) {
	for _, word := range words {
		switch {
		case option != nil:
			option = nil
		case !ended && word == "--":
			ended = true
		case !ended && isOption(word):
			if o := findOption(options(), word); o != nil && takesValue(o) && !strings.Contains(word, "=") {
				option = o
			}
		default:
			args++
		}
	}
	return option, args, ended
}

// optionValues are the values of an option.
func optionValues(option cli.Flag) []candidate {
	if option == nil {
		return nil
	}
	switch option.Names()[0] {
	case "schema":
		return schemaCandidates()
	case "schema-dir":
		return []candidate{{text: markDirectories}}
	}
	return nil
}

func schemaCandidates() []candidate {
	var list []candidate
	for _, name := range schemaNames() {
		list = append(list, candidate{name, "schema"})
	}
	return list
}

func allOptions() []candidate {
	var list []candidate
	for _, flag := range options() {
		_, usage := describe(flag)
		for _, name := range optionNames(flag) {
			list = append(list, candidate{name, usage})
		}
	}
	return list
}
