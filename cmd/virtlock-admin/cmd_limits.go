package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/urfave/cli/v2"

	"virtlock/client"
	"virtlock/client/api"
)

func limitsCommand() command {
	return command{
		Command: &cli.Command{
			Name:     "limits",
			Aliases:  []string{"server-clients-info", "srv-clients-info", "server-clients-set", "srv-clients-set"},
			Category: groupDaemon,
			Usage:    "show or change the limits of the daemon",
			Description: "A change lasts until the daemon is started or, but for the idle timeout,\n" +
				"reads its configuration again. Connections that are there stay.",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "max-clients", Usage: "take `N` connections on the main socket"},
				&cli.StringFlag{Name: "admin-max-clients", Usage: "take `N` connections on the administration socket"},
				&cli.StringFlag{Name: "idle-timeout", Usage: "end after `SECONDS` with no client or lock; 0 never"},
			},
		},
		run:   runLimits,
		check: serverCheck("limits"),
	}
}

func runLimits(ctx context.Context, e *env, options *cli.Context, _ []string) error {
	var params api.LimitsParams
	for option, value := range map[string]**int{
		"max-clients": &params.MaxClients, "admin-max-clients": &params.AdminMaxClients, "idle-timeout": &params.IdleTimeout,
	} {
		if !options.IsSet(option) {
			continue
		}
		n, err := strconv.ParseUint(options.String(option), 10, 31)
		if err != nil {
			return usagef("", "option %q needs a number, not %q", "--"+option, options.String(option))
		}
		*value = new(int)
		**value = int(n)
	}
	if err := e.mayChange(params != api.LimitsParams{}, "limits"); err != nil {
		return err
	}
	limits, err := ask(ctx, e, func(ctx context.Context, c *client.Client) (api.Limits, error) {
		return c.Limits(ctx, params)
	})
	switch {
	case err != nil:
		return err
	case e.options.json:
		return e.printJSON(limits)
	}
	e.printLimits(limits)
	return nil
}

func (e *env) printLimits(l api.Limits) {
	idle := strconv.Itoa(l.IdleTimeout)
	if l.IdleTimeout == 0 && !e.options.quiet {
		idle = "never"
	}
	if e.options.quiet {
		fmt.Fprintf(e.out, "%d\t%d\t%s\n", l.MaxClients, l.AdminMaxClients, idle)
		return
	}
	printField(e.out, "Max clients", l.MaxClients)
	printField(e.out, "Admin clients", l.AdminMaxClients)
	printField(e.out, "Idle timeout", idle)
	fmt.Fprintln(e.out)
}
