package main

import (
	"context"
	"fmt"
	"io"
	"slices"
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
			Aliases:  []string{"lock-list"},
			Category: groupLocks,
			Usage:    "list the locks that are held",
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "all", Usage: "list all, as it does by itself"},
				&cli.StringFlag{Name: "lockspace", Usage: "only of the lockspace `PATH`, or \"direct\""},
				&cli.StringFlag{Name: "name", Usage: "only of names that match the `PATTERN`"},
				&cli.StringFlag{Name: "owner", Usage: "only of the `OWNER`: name, UUID or process"},
				&cli.StringFlag{Name: "mode", Usage: "only of the `MODE`: exclusive or shared"},
				formatFlag(),
				&cli.BoolFlag{Name: "watch", Usage: "show it again every 2 seconds, or SECONDS"},
			},
			ArgsUsage: "[SECONDS]",
		},
		run:   runList,
		check: checkList,
		lasts: true,
	}
}

// checkList allows the pause of --watch, and nothing else.
func checkList(args []string) error {
	for i, word := range args {
		if _, err := strconv.ParseFloat(word, 64); err != nil || i > 0 {
			return noArguments("list")(args[i:])
		}
	}
	return nil
}

func runList(ctx context.Context, e *env, options *cli.Context, args []string) error {
	if len(args) > 0 && !options.Bool("watch") {
		return noArguments("list")(args)
	}
	filter, err := listFilter(options)
	if err != nil {
		return err
	}
	fields, err := chosen(lockFields, options)
	if err != nil {
		return err
	}
	show := func(ctx context.Context) error { return e.list(ctx, filter, fields) }
	if options.Bool("watch") {
		pause, err := parsePause(args)
		if err != nil {
			return err
		}
		return e.watch(ctx, pause, show)
	}
	ctx, cancel := e.limit(ctx)
	defer cancel()
	return show(ctx)
}

// list prints the locks that match a filter, with the given columns or, without
// any, with those that tell most.
func (e *env) list(ctx context.Context, filter api.LockFilter, fields []field[heldLock]) error {
	locks, err := ask(ctx, e, func(ctx context.Context, c *client.Client) ([]api.Lock, error) {
		locks, err := c.Locks(ctx, filter)
		if err == nil && len(locks) == 0 && filter.Lockspace != nil {
			err = knowsLockspace(ctx, c, *filter.Lockspace)
		}
		return locks, err
	})
	switch {
	case err != nil:
		return err
	case e.options.json:
		return e.printJSON(api.LocksResult{Locks: locks})
	case len(fields) > 0:
		return printFields(e, fields, heldLocks(locks))
	case e.options.quiet:
		printRows(e.out, locks)
		return nil
	}
	return e.lockTable(locks).print(e.out, e.width)
}

// listFilter reads the options that narrow the list. An empty one would narrow
// nothing, which is not what a script with an empty variable means.
func listFilter(options *cli.Context) (api.LockFilter, error) {
	for _, name := range []string{"name", "owner", "mode"} {
		if options.IsSet(name) && options.String(name) == "" {
			return api.LockFilter{}, usagef("", "option %q needs a value that is not empty", "--"+name)
		}
	}
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

// knowsLockspace fails when the daemon does not know a lockspace. To it, a list
// of what does not exist is an empty list.
func knowsLockspace(ctx context.Context, c *client.Client, path string) error {
	spaces, err := c.Lockspaces(ctx)
	if err != nil || slices.ContainsFunc(spaces, func(s api.Lockspace) bool { return s.Path == path }) {
		return err
	}
	return &notFoundError{
		message: fmt.Sprintf("there is no lockspace %q", path),
		hint:    "virtlock-admin list shows those with locks; \"direct\" is that of files named by their path",
	}
}

// expendable are the columns that a narrow terminal does without, in the order
// in which they go.
var expendable = []string{"Age", "PID", "Mode"}

// lockTable has a row for each holder. The lockspace is a column only when it
// tells anything.
func (e *env) lockTable(locks []api.Lock) table {
	t := table{columns: []column{{"Name", cutStart}, {"Mode", whole}, {"Owner", cutEnd}, {"PID", whole}, {"Age", whole}}, expendable: expendable}
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
				orDash(holder.Owner.UUID), rowPID(holder.Owner.PID), rowTime(holder.Since),
			}
			fmt.Fprintln(w, strings.Join(fields, "\t"))
		}
	}
}

// rowPID is a process for scripts. That of another program may not be known.
func rowPID(pid int) string {
	if pid == 0 {
		return "-"
	}
	return strconv.Itoa(pid)
}

// rowTime is a time for scripts.
func rowTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}
