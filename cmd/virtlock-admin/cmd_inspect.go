package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"virtlock/client"
	"virtlock/client/api"
)

func inspectCommand() command {
	return command{
		Command: &cli.Command{
			Name:      "inspect",
			Category:  groupLocks,
			Usage:     "show one lock, its holders and who waits for it",
			ArgsUsage: "[LOCKSPACE] NAME",
		},
		run:  runInspect,
		args: inspectArgs,
	}
}

func runInspect(ctx context.Context, e *env, _ *cli.Context, args []string) error {
	var look func(context.Context, *client.Client) (api.InspectResult, error)
	switch len(args) {
	case 1:
		look = func(ctx context.Context, c *client.Client) (api.InspectResult, error) {
			return find(ctx, c, args[0])
		}
	case 2:
		look = func(ctx context.Context, c *client.Client) (api.InspectResult, error) {
			return inspect(ctx, c, lockspacePath(args[0]), args[1])
		}
	default:
		return usagef("", "inspect needs the NAME of a resource, or LOCKSPACE and NAME")
	}
	result, err := ask(ctx, e, look)
	switch {
	case err != nil:
		return err
	case e.options.json:
		return e.printJSON(result)
	case e.options.quiet:
		printRows(e.out, []api.Lock{result.Lock})
		return nil
	}
	return e.printInspect(result)
}

// inspect asks for a lock and says what to type when there is none.
func inspect(ctx context.Context, c *client.Client, lockspace, name string) (api.InspectResult, error) {
	result, err := c.Inspect(ctx, lockspace, name)
	var refusal *client.Error
	if errors.Is(err, client.ErrNotFound) && errors.As(err, &refusal) && refusal.Hint == "" {
		refusal.Hint = "virtlock-admin list shows what is held"
	}
	return result, err
}

// find looks for a lock by name alone: in the direct lockspace if it can be
// there, and then by the name or the file of every lock.
func find(ctx context.Context, c *client.Client, name string) (api.InspectResult, error) {
	if filepath.IsAbs(name) {
		result, err := inspect(ctx, c, "", name)
		if !errors.Is(err, client.ErrNotFound) {
			return result, err
		}
	}
	locks, err := c.Locks(ctx, api.LockFilter{})
	if err != nil {
		return api.InspectResult{}, err
	}
	var found []api.Lock
	for _, lock := range locks {
		if lock.Name == name || lock.Path == name {
			found = append(found, lock)
		}
	}
	switch len(found) {
	case 0:
		return api.InspectResult{}, &notFoundError{
			message: fmt.Sprintf("nobody holds %q", name),
			hint:    "virtlock-admin list shows what is held",
		}
	case 1:
		return inspect(ctx, c, found[0].Lockspace, found[0].Name)
	}
	return api.InspectResult{}, ambiguous(name, found)
}

// ambiguous says in which lockspaces a name is held.
func ambiguous(name string, found []api.Lock) error {
	spaces := make([]string, len(found))
	for i, lock := range found {
		spaces[i] = lockspaceName(lock.Lockspace)
	}
	return usagef("name one of them: "+strings.Join(spaces, ", "), "%q is held in %d lockspaces", name, len(found))
}

func (e *env) printInspect(result api.InspectResult) error {
	lock := result.Lock
	printField(e.out, "Name", quote(lock.Name))
	printField(e.out, "Lockspace", lockspaceName(lock.Lockspace))
	printField(e.out, "File", quote(lock.Path))
	printField(e.out, "Device", lock.Device)
	printField(e.out, "Inode", lock.Inode)
	printField(e.out, "Mode", lock.Mode)
	printField(e.out, "Autocreate", yesNo(lock.Autocreate))
	for _, holder := range lock.Holders {
		e.printHolder(holder)
	}
	fmt.Fprintln(e.out)
	if len(result.Aliases) > 0 {
		fmt.Fprintf(e.out, "The same file under other names:\n")
		if err := e.lockTable(result.Aliases).print(e.out, e.width); err != nil {
			return err
		}
	}
	if len(result.Waiters) == 0 {
		return nil
	}
	fmt.Fprintf(e.out, "Waiting for it:\n")
	return e.waiterTable(result.Waiters).print(e.out, e.width)
}

func (e *env) printHolder(holder api.Holder) {
	owner := holder.Owner
	fmt.Fprintln(e.out)
	printField(e.out, "Owner", ownerName(owner))
	printField(e.out, "UUID", orDash(owner.UUID))
	if owner.ID != 0 {
		printField(e.out, "ID", owner.ID)
	}
	printField(e.out, "PID", owner.PID)
	printField(e.out, "Tied to", owner.TiedTo)
	printField(e.out, "Client", holder.Client)
	printField(e.out, "Since", e.when(holder.Since))
}

func (e *env) waiterTable(waiters []api.Waiter) table {
	t := table{columns: []column{{"Owner", cutEnd}, {"UUID", cutEnd}, {"PID", whole}, {"Mode", whole}, {"Age", whole}}}
	for _, waiter := range waiters {
		t.rows = append(t.rows, []string{
			ownerName(waiter.Owner), orDash(waiter.Owner.UUID), strconv.Itoa(waiter.Owner.PID),
			string(waiter.Mode), e.since(waiter.Since),
		})
	}
	return t
}
