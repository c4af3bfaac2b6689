package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"virtlock/client"
	"virtlock/client/api"
)

func statusCommand() command {
	return command{
		Command: &cli.Command{
			Name:     "status",
			Category: groupDaemon,
			Usage:    "show how the daemon is",
		},
		run: runStatus,
	}
}

func runStatus(ctx context.Context, e *env, _ *cli.Context, args []string) error {
	if len(args) > 0 {
		return usagef("", "status takes no argument: %q", args[0])
	}
	status, err := ask(ctx, e, func(ctx context.Context, c *client.Client) (api.Status, error) {
		return c.Status(ctx)
	})
	switch {
	case err != nil:
		return err
	case e.options.json:
		return e.printJSON(status)
	case !e.options.quiet:
		e.printStatus(status)
	}
	return nil
}

func (e *env) printStatus(s api.Status) {
	printField(e.out, "Version", fmt.Sprintf("%s (protocol %d)", quote(s.Version), s.Protocol))
	printField(e.out, "PID", s.PID)
	printField(e.out, "Started", e.when(s.Started))
	printField(e.out, "Socket", quote(s.Socket))
	fmt.Fprintln(e.out)
	printField(e.out, "Lockspaces", s.Lockspaces)
	printField(e.out, "Locks", s.Locks)
	printField(e.out, "Holders", s.Holders)
	printField(e.out, "Owners", s.Owners)
	printField(e.out, "Waiters", s.Waiters)
	fmt.Fprintln(e.out)
	printField(e.out, "Clients", fmt.Sprintf("%d of %d", s.Clients, s.MaxClients))
	printField(e.out, "Admin clients", fmt.Sprintf("%d of %d", s.AdminClients, s.AdminMaxClients))
	printField(e.out, "Subscribers", s.Subscribers)
	printField(e.out, "Open files", fmt.Sprintf("%d of %d", s.OpenFiles, s.MaxOpenFiles))
	fmt.Fprintln(e.out)
	printField(e.out, "Granted", s.Granted)
	printField(e.out, "Refused", s.Refused)
	printField(e.out, "Released", s.Released)
	fmt.Fprintln(e.out)
}
