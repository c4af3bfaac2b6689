package main

import (
	"context"
	"strconv"

	"github.com/urfave/cli/v2"

	"virtlock/client"
	"virtlock/client/api"
)

func lockspaceListCommand() command {
	return command{
		Command: &cli.Command{
			Name:     "lockspace-list",
			Category: groupLocks,
			Usage:    "list the lockspaces that the daemon knows",
		},
		run:   runLockspaceList,
		check: noArguments("lockspace-list"),
	}
}

func runLockspaceList(ctx context.Context, e *env, _ *cli.Context, _ []string) error {
	spaces, err := ask(ctx, e, func(ctx context.Context, c *client.Client) ([]api.Lockspace, error) {
		return c.Lockspaces(ctx)
	})
	switch {
	case err != nil:
		return err
	case e.options.json:
		return e.printJSON(api.LockspacesResult{Lockspaces: spaces})
	}
	return printFields(e, lockspaceFields, spaces)
}

var lockspaceFields = []field[api.Lockspace]{
	{"lockspace", "Lockspace", cutStart, func(e *env, s api.Lockspace) string {
		if e.options.quiet {
			return quote(s.Path)
		}
		return lockspaceName(s.Path)
	}},
	{"locks", "Locks", whole, func(_ *env, s api.Lockspace) string { return strconv.Itoa(s.Locks) }},
}
