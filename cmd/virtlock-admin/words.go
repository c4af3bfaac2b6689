package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// commandLine is what was typed, for the library.
type commandLine struct {
	words   []string
	command *cli.Command // nil when none was named
	args    []string     // of the command
	help    bool         // asked for, with --help
}

// arrange puts the words of a command line in the order that the library needs,
// global options, command, its options, arguments, and refuses options that do
// not exist. A person may type them in any order. The option for help is taken
// out: the library would answer it, in its own way.
func arrange(app *cli.App, words []string) (commandLine, error) {
	var (
		line                commandLine
		global, local, args []string
	)
	for len(words) > 0 {
		word := words[0]
		if word == "--" {
			if line.command != nil && findCommand(line.command.Name).wraps {
				args = append(args, word)
			}
			args = append(args, words[1:]...)
			break
		}
		if !isOption(word) {
			words = words[1:]
			if line.command != nil {
				args = append(args, word)
			} else if line.command = app.Command(word); line.command == nil {
				return line, unknownCommand(word)
			}
			continue
		}
		option, to := findOption(app, line.command, word), &local
		if slices.Contains(app.Flags, option) {
			to = &global
		}
		n, err := optionLength(option, words, line.command)
		switch {
		case err != nil:
			return line, err
		case option.Names()[0] == "help":
			line.help = true
		default:
			*to = append(*to, words[:n]...)
		}
		words = words[n:]
	}
	line.args = args
	line.words = append(global, args...)
	if line.command != nil {
		line.words = slices.Concat(global, []string{line.command.Name}, local, []string{"--"}, args)
	}
	return line, nil
}

// isOption reports whether a word is an option, with its value or without.
func isOption(word string) bool { return len(word) > 1 && word[0] == '-' && word != "--" }

// findOption returns the option that a word names, or nil.
func findOption(app *cli.App, command *cli.Command, word string) cli.Flag {
	name, _, _ := strings.Cut(strings.TrimPrefix(word[1:], "-"), "=")
	var flags []cli.Flag
	if command != nil {
		flags = command.Flags
	}
	for _, flag := range slices.Concat(flags, app.Flags) {
		if slices.Contains(flag.Names(), name) {
			return flag
		}
	}
	return nil
}

// takesValue reports whether an option has a value, perhaps in the next word.
func takesValue(option cli.Flag) bool {
	f, ok := option.(cli.DocGenerationFlag)
	return ok && f.TakesValue()
}

// optionLength is how many of the words belong to the option that they start
// with: two when its value is in a word of its own.
func optionLength(option cli.Flag, words []string, command *cli.Command) (int, error) {
	word, _, hasValue := strings.Cut(words[0], "=")
	switch {
	case option == nil && command == nil:
		return 0, usagef("virtlock-admin --help lists the options", "there is no option %q", word)
	case option == nil:
		return 0, usagef("virtlock-admin "+command.Name+" --help lists its options", "%s has no option %q", command.Name, word)
	case !takesValue(option) && hasValue:
		return 0, usagef("", "option %q takes no value", word)
	case !takesValue(option), hasValue:
		return 1, nil
	case len(words) == 1:
		return 0, usagef("", "option %q needs a value", word)
	}
	return 2, nil
}
