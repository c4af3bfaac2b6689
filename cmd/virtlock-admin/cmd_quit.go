package main

import (
	"context"

	"github.com/urfave/cli/v2"
)

func quitCommand() command {
	return command{
		Command: &cli.Command{
			Name:     "quit",
			Aliases:  []string{"exit"},
			Category: groupShell,
			Usage:    "leave the shell",
		},
		run:   runQuit,
		check: noArguments("quit"),
	}
}

// runQuit ends the commands. The exit status stays that of the one before.
func runQuit(_ context.Context, e *env, _ *cli.Context, _ []string) error {
	e.left = true
	return nil
}
