package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"virtlock/client"
	"virtlock/client/api"
)

func reloadCommand() command {
	return command{
		Command: &cli.Command{
			Name:     "reload",
			Category: groupDaemon,
			Usage:    "let the daemon read its configuration again",
			Description: "What was changed with log-filters, log-outputs and limits goes. If there\n" +
				"is a mistake in the configuration, nothing changes.",
		},
		run:     runReload,
		check:   noArguments("reload"),
		changes: true,
	}
}

func runReload(ctx context.Context, e *env, _ *cli.Context, _ []string) error {
	_, err := ask(ctx, e, func(ctx context.Context, c *client.Client) (api.Empty, error) {
		return api.Empty{}, c.Reload(ctx)
	})
	switch {
	case err != nil:
		return err
	case e.options.json:
		return e.printJSON(api.Empty{})
	case !e.options.quiet:
		fmt.Fprintln(e.out, "The daemon has read its configuration again")
	}
	return nil
}
