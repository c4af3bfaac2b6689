package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"virtlock/client"
	"virtlock/client/api"
)

func logFiltersCommand() command {
	return command{
		Command: &cli.Command{
			Name:        "log-filters",
			Aliases:     []string{"daemon-log-filters", "dmn-log-filters"},
			Category:    groupDaemon,
			Usage:       "show or change which messages the daemon logs",
			ArgsUsage:   "[FILTERS]",
			Description: logDescription,
			Flags:       []cli.Flag{&cli.StringFlag{Name: "filters", Usage: "the `FILTERS`, as virt-admin has it"}},
		},
		run: func(ctx context.Context, e *env, options *cli.Context, args []string) error {
			return e.runLog(ctx, options, args, "filters", "Logging filters", func(v *string) api.LogParams { return api.LogParams{Filters: v} },
				func(s api.LogSettings) string { return s.Filters })
		},
		check: settingCheck("log-filters"),
	}
}

func logOutputsCommand() command {
	return command{
		Command: &cli.Command{
			Name:        "log-outputs",
			Aliases:     []string{"daemon-log-outputs", "dmn-log-outputs"},
			Category:    groupDaemon,
			Usage:       "show or change where the daemon logs to",
			ArgsUsage:   "[OUTPUTS]",
			Description: logDescription,
			Flags:       []cli.Flag{&cli.StringFlag{Name: "outputs", Usage: "the `OUTPUTS`, as virt-admin has it"}},
		},
		run: func(ctx context.Context, e *env, options *cli.Context, args []string) error {
			return e.runLog(ctx, options, args, "outputs", "Logging outputs", func(v *string) api.LogParams { return api.LogParams{Outputs: v} },
				func(s api.LogSettings) string { return s.Outputs })
		},
		check: settingCheck("log-outputs"),
	}
}

const logDescription = "The syntax is that of virtlockd.conf(5). A change lasts until the daemon is\n" +
	"started or reads its configuration again; an empty value goes back to the\n" +
	"default."

// settingCheck allows one value.
func settingCheck(command string) func([]string) error {
	return func(args []string) error {
		if len(args) > 1 {
			return usagef("", "%s takes one value at most: %q", command, args[1])
		}
		return nil
	}
}

// runLog shows one of the settings of the log, or changes it where there is a
// value, as an argument or with its option.
func (e *env) runLog(ctx context.Context, options *cli.Context, args []string, option, title string,
	change func(*string) api.LogParams, shown func(api.LogSettings) string,
) error {
	var params api.LogParams
	switch value := options.String(option); {
	case len(args) == 1:
		params = change(&args[0])
	case options.IsSet(option):
		params = change(&value)
	}
	if err := e.mayChange(params != api.LogParams{}, "log-"+option); err != nil {
		return err
	}
	settings, err := ask(ctx, e, func(ctx context.Context, c *client.Client) (api.LogSettings, error) {
		return c.Log(ctx, params)
	})
	switch {
	case err != nil:
		return err
	case e.options.json:
		return e.printJSON(settings)
	case e.options.quiet:
		fmt.Fprintln(e.out, quote(shown(settings)))
	default:
		fmt.Fprintf(e.out, "%-16s %s\n", title+":", quote(shown(settings)))
	}
	return nil
}

// mayChange refuses, with --readonly, a command that shows when nothing is said
// and now changes something.
func (e *env) mayChange(changes bool, command string) error {
	if changes && e.options.readonly {
		return &readonlyError{command}
	}
	return nil
}
