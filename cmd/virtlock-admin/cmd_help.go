package main

import (
	"context"

	"github.com/urfave/cli/v2"
)

// helpCommand lists the commands as virsh's does.
func helpCommand() command {
	return command{
		Command: &cli.Command{
			Name:      "help",
			Category:  groupShell,
			Usage:     "list the commands, or show how to use one",
			ArgsUsage: "[COMMAND | GROUP]",
		},
		run: runHelp,
		check: func(args []string) error {
			if len(args) > 1 {
				return usagef("", "help takes one COMMAND or GROUP at most")
			}
			return nil
		},
		args: helpArgs,
	}
}

func runHelp(_ context.Context, e *env, _ *cli.Context, args []string) error {
	app := newApp(e)
	if len(args) == 0 {
		printGroups(e.out, app)
		return nil
	}
	if c := app.Command(args[0]); c != nil {
		printHelp(e.out, app, c)
		return nil
	}
	g := findGroup(args[0])
	if g == nil {
		return usagef(commandsHint, "unknown command or group %q", args[0])
	}
	printGroup(e.out, app, *g)
	return nil
}

// helpArgs are the commands and the groups that help lists.
func helpArgs(_ context.Context, e *env, args []string, typed string) []candidate {
	if len(args) > 0 {
		return nil
	}
	list := commandNames(newApp(e), typed)
	for _, g := range groups {
		list = append(list, candidate{g.keyword, "the group " + g.title})
	}
	return list
}
