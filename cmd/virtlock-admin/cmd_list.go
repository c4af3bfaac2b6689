package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"virtlock/client"
	"virtlock/client/api"
)

func listCommand() command {
	return command{
		Command: &cli.Command{
			Name:     "list",
			Category: groupLocks,
			Usage:    "list the locks that are held",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "lockspace", Usage: "only of the lockspace `PATH`, or \"direct\""},
				&cli.StringFlag{Name: "name", Usage: "only of names that match the `PATTERN`"},
				&cli.StringFlag{Name: "owner", Usage: "only of the `OWNER`: name, UUID or process"},
				&cli.StringFlag{Name: "mode", Usage: "only of the `MODE`: exclusive or shared"},
			},
		},
		run: runList,
	}
}

func runList(ctx context.Context, e *env, options *cli.Context, args []string) error {
	if len(args) > 0 {
		return usagef("", "list takes no argument: %q", args[0])
	}
	filter, err := listFilter(options)
	if err != nil {
		return err
	}
	locks, err := ask(ctx, e, func(ctx context.Context, c *client.Client) ([]api.Lock, error) {
		return c.Locks(ctx, filter)
	})
	switch {
	case err != nil:
		return err
	case e.options.json:
		return e.printJSON(api.LocksResult{Locks: locks})
	case e.options.quiet:
		printRows(e.out, locks)
		return nil
	}
	return e.lockTable(locks).print(e.out, e.width)
}

func listFilter(options *cli.Context) (api.LockFilter, error) {
	filter := api.LockFilter{
		Name:  options.String("name"),
		Owner: options.String("owner"),
		Mode:  api.Mode(options.String("mode")),
	}
	if options.IsSet("lockspace") {
		path := lockspacePath(options.String("lockspace"))
		filter.Lockspace = &path
	}
	switch filter.Mode {
	case "", api.Exclusive, api.Shared:
		return filter, nil
	}
	return filter, usagef("modes are exclusive and shared", "unknown mode %q", filter.Mode)
}

// lockTable has a row for each holder. The lockspace is a column only when it
// tells anything.
func (e *env) lockTable(locks []api.Lock) table {
	t := table{columns: []column{{"Name", cutStart}, {"Mode", whole}, {"Owner", cutEnd}, {"PID", whole}, {"Age", whole}}}
	spaces := false
	for _, lock := range locks {
		spaces = spaces || lock.Lockspace != ""
	}
	if spaces {
		t.columns = append([]column{{"Lockspace", cutStart}}, t.columns...)
	}
	for _, lock := range locks {
		for _, holder := range lock.Holders {
			row := []string{
				quote(lock.Name), string(lock.Mode), ownerName(holder.Owner),
				strconv.Itoa(holder.Owner.PID), e.since(holder.Since),
			}
			if spaces {
				row = append([]string{lockspaceName(lock.Lockspace)}, row...)
			}
			t.rows = append(t.rows, row)
		}
	}
	return t
}

// printRows prints a line of seven fields for each holder, for scripts.
func printRows(w io.Writer, locks []api.Lock) {
	for _, lock := range locks {
		for _, holder := range lock.Holders {
			fields := []string{
				orDash(quote(lock.Lockspace)), quote(lock.Name), string(lock.Mode), ownerName(holder.Owner),
				orDash(holder.Owner.UUID), strconv.Itoa(holder.Owner.PID), holder.Since.UTC().Format(time.RFC3339),
			}
			fmt.Fprintln(w, strings.Join(fields, "\t"))
		}
	}
}
