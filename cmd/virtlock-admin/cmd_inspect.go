package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
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
			Aliases:   []string{"lock-info"},
			Category:  groupLocks,
			Usage:     "show one lock, its holders and who waits for it",
			ArgsUsage: "[LOCKSPACE] NAME",
			Description: "NAME is a file, or the name of a lock in any lockspace.\n" +
				"LOCKSPACE is the directory of a lockspace, as list shows it, or \"direct\"\n" +
				"for the one whose names are the paths of the files themselves.",
		},
		run: runInspect,
		check: func(args []string) error {
			_, err := newTarget(args)
			return err
		},
		args: inspectArgs,
	}
}

func runInspect(ctx context.Context, e *env, _ *cli.Context, args []string) error {
	t, err := newTarget(args)
	if err != nil {
		return err
	}
	result, err := ask(ctx, e, t.look)
	switch {
	case errors.Is(err, errNotHeld):
		return e.printNotHeld(ctx, t)
	case err != nil:
		return err
	case e.options.json:
		return e.printJSON(result)
	case e.options.quiet:
		printRows(e.out, []api.Lock{result.Lock})
		return nil
	}
	return e.printInspect(t, result)
}

// errNotHeld says that the daemon knows of no holder.
var errNotHeld = errors.New("not held")

// target is what to inspect.
type target struct {
	lockspace string
	name      string
	anywhere  bool   // no lockspace was named
	file      string // the path that the resource has if it is a file
}

// newTarget reads the arguments. A file of the working directory may be named
// without its path.
func newTarget(args []string) (t target, err error) {
	switch len(args) {
	case 1:
		t = target{name: args[0], anywhere: true}
	case 2:
		t = target{lockspace: lockspacePath(args[0]), name: args[1]}
	}
	if t.name == "" {
		return t, usagef("", "inspect needs the NAME of a resource, or LOCKSPACE and NAME")
	}
	switch {
	case t.lockspace != "":
		t.file = filepath.Join(t.lockspace, t.name)
	case filepath.IsAbs(t.name):
		t.file = t.name
	default:
		t.file, err = filepath.Abs(t.name)
	}
	return t, err
}

// words are the arguments, as they are typed.
func (t target) words() string {
	if t.lockspace == "" {
		return shellWord(t.name)
	}
	return shellWord(t.lockspace) + " " + shellWord(t.name)
}

// isName reports whether a lock goes by the name or the file that was typed.
func (t target) isName(lock api.Lock) bool {
	return lock.Name == t.name || lock.Name == t.file || lock.Path == t.file
}

// look asks for the lock. Without a lockspace it looks for the name of a lock in
// all of them, and for the file.
func (t target) look(ctx context.Context, c *client.Client) (api.InspectResult, error) {
	if t.lockspace != "" {
		return inspect(ctx, c, t.lockspace, t.name)
	}
	if !t.anywhere || filepath.IsAbs(t.name) {
		result, err := inspect(ctx, c, "", t.file)
		if !t.anywhere || !errors.Is(err, errNotHeld) {
			return result, err
		}
	}
	locks, err := c.Locks(ctx, api.LockFilter{})
	if err != nil {
		return api.InspectResult{}, err
	}
	found := slices.DeleteFunc(locks, func(lock api.Lock) bool { return !t.isName(lock) })
	switch len(found) {
	case 0: // perhaps another name of a file that is held
		return inspect(ctx, c, "", t.file)
	case 1:
		return inspect(ctx, c, found[0].Lockspace, found[0].Name)
	}
	return api.InspectResult{}, ambiguous(t.name, found)
}

// inspect asks for one lock. It fails with errNotHeld when there is none, and
// with the daemon's error when there is no such lockspace.
func inspect(ctx context.Context, c *client.Client, lockspace, name string) (api.InspectResult, error) {
	result, err := c.Inspect(ctx, lockspace, name)
	var refusal *client.Error
	if errors.Is(err, client.ErrNotFound) && errors.As(err, &refusal) && refusal.Resource != nil {
		return result, errNotHeld
	}
	return result, err
}

// ambiguous says in which lockspaces a name is held.
func ambiguous(name string, found []api.Lock) error {
	spaces := make([]string, len(found))
	for i, lock := range found {
		spaces[i] = lockspaceName(lock.Lockspace)
	}
	return usagef("name one of them: "+strings.Join(spaces, ", "), "%q is held in %d lockspaces", name, len(found))
}

func (e *env) printInspect(t target, result api.InspectResult) error {
	lock := result.Lock
	if !t.isName(lock) {
		printField(e.out, "Asked for", quote(t.file)+" (the same file)")
	}
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
	if lock.MoreHolders > 0 {
		fmt.Fprintf(e.out, "\nand %d more\n", lock.MoreHolders)
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
	t := table{columns: []column{{"Owner", cutEnd}, {"UUID", cutEnd}, {"PID", whole}, {"Mode", whole}, {"Age", whole}}, expendable: expendable}
	for _, waiter := range waiters {
		t.rows = append(t.rows, []string{
			ownerName(waiter.Owner), orDash(waiter.Owner.UUID), strconv.Itoa(waiter.Owner.PID),
			string(waiter.Mode), e.since(waiter.Since),
		})
	}
	return t
}
