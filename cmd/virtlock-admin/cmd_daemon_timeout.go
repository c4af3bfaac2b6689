package main

import (
	"context"
	"strconv"

	"github.com/urfave/cli/v2"

	"virtlock/client"
	"virtlock/client/api"
)

// daemonTimeoutCommand is limits with an option, under the name and with the
// option that virt-admin has, where --timeout is that of the daemon.
func daemonTimeoutCommand() command {
	return command{
		Command: &cli.Command{
			Name:     "daemon-timeout",
			Aliases:  []string{"dmn-timeout"},
			Category: groupDaemon,
			Usage:    "change after what idle time the daemon ends",
			Flags:    []cli.Flag{&cli.StringFlag{Name: "timeout", Usage: "after so many `SECONDS`; 0 never"}},
		},
		run:     runDaemonTimeout,
		check:   noArguments("daemon-timeout"),
		changes: true,
	}
}

func runDaemonTimeout(ctx context.Context, e *env, options *cli.Context, _ []string) error {
	seconds, err := strconv.ParseUint(options.String("timeout"), 10, 31)
	if err != nil {
		return usagef("", "daemon-timeout needs --timeout SECONDS")
	}
	idle := int(seconds)
	limits, err := ask(ctx, e, func(ctx context.Context, c *client.Client) (api.Limits, error) {
		return c.Limits(ctx, api.LimitsParams{IdleTimeout: &idle})
	})
	if err == nil && e.options.json {
		err = e.printJSON(limits)
	}
	return err
}
