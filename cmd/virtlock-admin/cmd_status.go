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
		run:   runStatus,
		check: noArguments("status"),
	}
}

func runStatus(ctx context.Context, e *env, _ *cli.Context, _ []string) error {
	status, err := ask(ctx, e, func(ctx context.Context, c *client.Client) (api.Status, error) {
		return c.Status(ctx)
	})
	switch {
	case err != nil:
		return err
	case e.options.json:
		err = e.printJSON(status)
	case !e.options.quiet:
		e.printStatus(status)
	}
	if n := len(status.Missing); n > 0 && err == nil {
		err = &missingError{n}
	}
	return err
}

// missingError says that owners rely on locks that nobody holds for them.
type missingError struct{ locks int }

func (e *missingError) Error() string {
	return plural(e.locks, "lock") + " of running owners missing"
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
	printField(e.out, "Keeper", keeper(s.Keeper))
	for _, lock := range s.Missing {
		printField(e.out, "Missing", missing(lock))
	}
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

// keeper is how the keeper is shown.
func keeper(k *api.Keeper) string {
	if k == nil {
		return "none"
	}
	state := "incomplete"
	if k.Complete {
		state = "complete"
	}
	return fmt.Sprintf("process %d, %s, %s", k.PID, plural(k.Locks, "lock"), state)
}

// missing is how a lock is shown that nobody holds for its owner. Its reason comes
// from the daemon, but may name other programs.
func missing(lock api.MissingLock) string {
	name := quote(lock.Name)
	if lock.Lockspace != "" {
		name = quote(lock.Lockspace) + " " + name
	}
	return fmt.Sprintf("%s (%s) of %s (pid %d): %s", name, lock.Mode, ownerName(lock.Owner), lock.Owner.PID, quote(lock.Reason))
}
