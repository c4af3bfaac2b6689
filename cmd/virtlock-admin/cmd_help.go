package main

import (
	"context"

	"github.com/urfave/cli/v2"
)

// helpCommand prints what --help does, for those who know virsh.
func helpCommand() command {
	return command{
		Command: &cli.Command{
			Name:      "help",
			Category:  groupHelp,
			Usage:     "show what there is, or how to use a command",
			ArgsUsage: "[COMMAND]",
		},
		run:  runHelp,
		args: helpArgs,
	}
}

func runHelp(_ context.Context, e *env, _ *cli.Context, args []string) error {
	if len(args) > 1 {
		return usagef("", "help takes one COMMAND at most")
	}
	app := newApp(e)
	if len(args) == 0 {
		printHelp(e.out, app, nil)
		return nil
	}
	c := app.Command(args[0])
	if c == nil {
		return unknownCommand(args[0])
	}
	printHelp(e.out, app, c)
	return nil
}

// helpArgs are the commands that help lists.
func helpArgs(_ context.Context, e *env, args []string, _ string) []candidate {
	if len(args) > 0 {
		return nil
	}
	return commandNames(newApp(e))
}
