package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// arrange puts the options of a command line before its arguments, as the
// library needs it, and refuses options that do not exist. The first word may
// also be a shortened --help or --version, for libvirt's script knows those by
// any beginning of theirs. These two are not for the library, which would answer
// in its own way: they are returned as the word that the whole line asks for.
func arrange(flags []cli.Flag, words []string) (arranged []string, wanted string, err error) {
	if len(words) > 0 {
		words = append([]string{lengthen(words[0])}, words[1:]...)
	}
	var given, args []string
	for len(words) > 0 {
		word := words[0]
		if word == "--" {
			args = append(args, words[1:]...)
			break
		}
		if !isOption(word) {
			args, words = append(args, word), words[1:]
			continue
		}
		n, err := optionLength(findOption(flags, word), words)
		if err != nil {
			return nil, "", err
		}
		if wanted := isQuestion(word); wanted != "" {
			return nil, wanted, nil // whatever follows, as for the script
		}
		given, words = append(given, words[:n]...), words[n:]
	}
	return slices.Concat(given, []string{"--"}, args), "", nil
}

// lengthen is the whole option that a word begins, if it is one of the two that
// may be shortened.
func lengthen(word string) string {
	for _, whole := range []string{"--help", "--version"} {
		if len(word) > len("--") && strings.HasPrefix(whole, word) {
			return whole
		}
	}
	return word
}

// isQuestion returns what an option asks for that answers the whole line.
func isQuestion(word string) string {
	switch word {
	case "-h", "--help":
		return "help"
	case "-V", "--version":
		return "version"
	}
	return ""
}

// isOption reports whether a word is an option; "-" is standard input.
func isOption(word string) bool { return len(word) > 1 && word[0] == '-' && word != "--" }

// findOption returns the option that a word names, or nil. Short names have one
// dash and long ones two.
func findOption(flags []cli.Flag, word string) cli.Flag {
	name, _, _ := strings.Cut(word, "=")
	for _, flag := range flags {
		if slices.Contains(optionNames(flag), name) {
			return flag
		}
	}
	return nil
}

// optionNames are an option's names as they are typed, the short ones first.
func optionNames(flag cli.Flag) []string {
	var names []string
	for _, name := range flag.Names() {
		if len(name) == 1 {
			names = append([]string{"-" + name}, names...)
		} else {
			names = append(names, "--"+name)
		}
	}
	return names
}

// takesValue reports whether an option has a value, perhaps in the next word.
func takesValue(option cli.Flag) bool {
	f, ok := option.(cli.DocGenerationFlag)
	return ok && f.TakesValue()
}

// optionLength is how many of the words belong to the option that they start
// with: two when its value is in a word of its own.
func optionLength(option cli.Flag, words []string) (int, error) {
	name, value, hasValue := strings.Cut(words[0], "=")
	switch {
	case option == nil:
		return 0, usagef(programName+" --help lists the options; ./"+words[0]+" would be a file", "unrecognized option %q", words[0])
	case !takesValue(option) && hasValue:
		return 0, usagef("", "option %q takes no value", name)
	case !takesValue(option):
		return 1, nil
	case !hasValue && len(words) == 1:
		return 0, usagef("", "option %q needs a value", name)
	case hasValue && value == "", !hasValue && words[1] == "":
		return 0, usagef("", "option %q needs a value that is not empty", name)
	case hasValue:
		return 1, nil
	}
	return 2, nil
}
