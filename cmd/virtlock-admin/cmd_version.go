package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"virtlock/client"
	"virtlock/client/api"
)

func versionCommand() command {
	return command{
		Command: &cli.Command{
			Name:     "version",
			Category: groupShell,
			Usage:    "print the versions of this program and of the daemon",
		},
		run:   runVersion,
		check: noArguments("version"),
	}
}

// versions is what version prints as JSON.
type versions struct {
	Version  string `json:"version"`
	Protocol int    `json:"protocol"`
	Daemon   struct {
		Version  string `json:"version"`
		Protocol int    `json:"protocol"`
		PID      int    `json:"pid"`
	} `json:"daemon"`
}

func runVersion(ctx context.Context, e *env, _ *cli.Context, _ []string) error {
	status, err := ask(ctx, e, func(ctx context.Context, c *client.Client) (api.Status, error) {
		return c.Status(ctx)
	})
	if e.options.json {
		if err != nil {
			return err
		}
		v := versions{Version: version, Protocol: api.Version}
		v.Daemon.Version, v.Daemon.Protocol, v.Daemon.PID = status.Version, status.Protocol, status.PID
		return e.printJSON(v)
	}
	printField(e.out, "This program", fmt.Sprintf("%s (protocol %d)", version, api.Version))
	if err == nil {
		printField(e.out, "Daemon", fmt.Sprintf("%s (protocol %d, process %d)", quote(status.Version), status.Protocol, status.PID))
	}
	return err
}
