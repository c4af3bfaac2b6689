package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"virtlock/client"
	"virtlock/client/api"
)

func reexecCommand() command {
	return command{
		Command: &cli.Command{
			Name:      "reexec",
			Category:  groupDaemon,
			Usage:     "let the daemon go on as the program installed now",
			ArgsUsage: "[PROGRAM]",
			Description: "For an upgrade under running guests: the process stays, and with it all\n" +
				"locks and connections. If the new program is not fit to take over, the old\n" +
				"one goes on. PROGRAM is another file than the daemon was started from.",
		},
		run: runReexec,
		check: func(args []string) error {
			if len(args) > 1 || len(args) == 1 && args[0] == "" {
				return usagef("", "reexec takes one PROGRAM at most, the path of a file")
			}
			return nil
		},
		args:    reexecArgs,
		changes: true,
	}
}

func runReexec(ctx context.Context, e *env, _ *cli.Context, args []string) error {
	var params api.ReexecParams
	if len(args) > 0 {
		program, err := filepath.Abs(args[0])
		if err != nil {
			return err
		}
		params.Program = program
	}
	result, err := ask(ctx, e, func(ctx context.Context, c *client.Client) (api.ReexecResult, error) {
		return c.Reexec(ctx, params)
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

// reexecArgs are files.
func reexecArgs(ctx context.Context, e *env, args []string, typed string) []candidate {
	if len(args) > 0 {
		return nil
	}
	return files(ctx, e, nil, typed)
}

func (e *env) printReexec(r api.ReexecResult) {
	fmt.Fprintf(e.out, "%s (version %s) runs now as process %d, with %s and %s\n",
		quote(r.Program), quote(r.Version), r.PID, plural(r.Locks, "lock"), plural(r.Clients, "client"))
}
