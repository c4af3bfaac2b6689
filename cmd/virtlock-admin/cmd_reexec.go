package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"virtlock/client"
	"virtlock/client/api"
)

func reexecCommand() command {
	return command{
		Command: &cli.Command{
			Name:     "reexec",
			Category: groupDaemon,
			Usage:    "let the daemon go on as the program installed now",
			Description: "For an upgrade under running guests: the process stays, and with it all\n" +
				"locks and connections. If the new program is not fit to take over, the old\n" +
				"one goes on.",
		},
		run:     runReexec,
		check:   noArguments("reexec"),
		changes: true,
	}
}

func runReexec(ctx context.Context, e *env, _ *cli.Context, _ []string) error {
	result, err := ask(ctx, e, func(ctx context.Context, c *client.Client) (api.ReexecResult, error) {
		return c.Reexec(ctx)
	})
	switch {
	case err != nil:
		return err
	case e.options.json:
		return e.printJSON(result)
	case !e.options.quiet:
		e.printReexec(result)
	}
	return nil
}

func (e *env) printReexec(r api.ReexecResult) {
	fmt.Fprintf(e.out, "%s (version %s) runs now as process %d, with %s and %s\n",
		quote(r.Program), quote(r.Version), r.PID, plural(r.Locks, "lock"), plural(r.Clients, "client"))
}
