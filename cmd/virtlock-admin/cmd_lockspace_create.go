package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"virtlock/client"
	"virtlock/client/api"
)

func lockspaceCreateCommand() command {
	return command{
		Command: &cli.Command{
			Name:      "lockspace-create",
			Category:  groupLocks,
			Usage:     "make a directory a lockspace",
			ArgsUsage: "PATH",
			Description: "PATH is absolute. The directory is made when it is missing. One that is a\n" +
				"lockspace already is no error.",
		},
		run:     runLockspaceCreate,
		check:   oneArgument("lockspace-create needs the PATH of one directory"),
		args:    whoArgs,
		changes: true,
	}
}

func runLockspaceCreate(ctx context.Context, e *env, _ *cli.Context, args []string) error {
	_, err := ask(ctx, e, func(ctx context.Context, c *client.Client) (api.Empty, error) {
		return api.Empty{}, c.CreateLockspace(ctx, args[0])
	})
	switch {
	case err != nil:
		return err
	case e.options.json:
		return e.printJSON(api.LockspaceParams{Path: args[0]})
	case !e.options.quiet:
		fmt.Fprintf(e.out, "%s is a lockspace\n", quote(args[0]))
	}
	return nil
}
