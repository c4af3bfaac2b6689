package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"virtlock/client"
)

func connectCommand() command {
	return command{
		Command: &cli.Command{
			Name:      "connect",
			Category:  groupShell,
			Usage:     "ask another daemon from now on, or the same anew",
			ArgsUsage: "[URI] [--readonly]",
			Description: "With --readonly commands that change anything are refused, without it they\n" +
				"are allowed again. Where it fails, later commands try the new daemon, and\n" +
				"not the old one.",
		},
		run: runConnect,
		check: func(args []string) error {
			if len(args) > 1 {
				return usagef("", "connect takes one URI at most")
			}
			return nil
		},
		args: connectArgs,
	}
}

// runConnect changes the session also where nobody answers: what follows was meant
// for the new daemon, and must not reach the old one.
func runConnect(ctx context.Context, e *env, options *cli.Context, args []string) error {
	next := e.session
	next.uri, next.socket = e.options.uri, e.options.socket
	if len(args) > 0 {
		if _, err := client.ParseURI(args[0]); err != nil {
			return &usageError{message: err.Error()}
		}
		next.uri, next.socket = args[0], ""
	}
	next.readonly = options.IsSet("readonly") && options.Bool("readonly")
	e.links.close()
	e.session = next
	return e.reach(ctx)
}

func connectArgs(ctx context.Context, e *env, args []string, typed string) []candidate {
	if len(args) > 0 {
		return nil
	}
	return uris(ctx, e, args, typed)
}
