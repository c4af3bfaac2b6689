package main

import (
	"context"

	"github.com/urfave/cli/v2"
)

// start is what the words of the program ask for.
type start struct {
	shell    bool
	commands [][]string
}

// read takes in the global options, which then hold for all commands, and finds
// out what is to be done. As with virsh, one word is a string of commands, and
// several are one command.
func (e *env) read(ctx context.Context, words []string) (start, error) {
	globals, rest, err := cutGlobals(newApp(e), words)
	if err != nil {
		return start{}, err
	}
	app := newApp(e)
	line, err := arrange(app, globals)
	if err != nil {
		return start{}, err
	}
	app.Action = func(*cli.Context) error { return nil } // only the options are of interest
	if err := app.RunContext(ctx, append([]string{app.Name}, line.words...)); err != nil {
		return start{}, err
	}
	e.session = e.options
	commands := [][]string{rest}
	if len(rest) == 1 {
		if commands, err = splitString(rest[0]); err != nil {
			return start{}, err
		}
	}
	switch {
	case line.help && len(rest) == 0:
		commands = [][]string{{"--help"}}
	case line.help:
		for i := range commands {
			commands[i] = append([]string{"--help"}, commands[i]...)
		}
	}
	return start{shell: len(rest) == 0 && !line.help, commands: commands}, nil
}

// splitString is splitCommands for a word of the program, which a script may have
// left empty by mistake.
func splitString(word string) ([][]string, error) {
	if word == "" {
		return nil, usagef("virtlock-admin help lists the commands", "the command is empty")
	}
	return splitCommands(word)
}

// cutGlobals cuts off the global options that stand before the command.
func cutGlobals(app *cli.App, words []string) (globals, rest []string, err error) {
	for i := 0; i < len(words); {
		word := words[i]
		switch {
		case word == "--":
			return words[:i], words[i+1:], nil
		case !isOption(word):
			return words[:i], words[i:], nil
		}
		n, err := optionLength(findOption(app, nil, word), words[i:], nil)
		if err != nil {
			return nil, nil, err
		}
		i += n
	}
	return words, nil, nil
}
