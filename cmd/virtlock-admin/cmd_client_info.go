package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"

	"virtlock/client/api"
)

func clientInfoCommand() command {
	return command{
		Command: &cli.Command{
			Name:      "client-info",
			Category:  groupOwners,
			Usage:     "show one connection to the daemon",
			ArgsUsage: "ID",
		},
		run:   runClientInfo,
		check: clientCheck("client-info"),
		args:  clientArgs,
	}
}

func runClientInfo(ctx context.Context, e *env, _ *cli.Context, args []string) error {
	id, err := clientID("client-info", args)
	if err != nil {
		return err
	}
	clients, err := askClients(ctx, e)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(clients, func(c api.Client) bool { return c.ID == id })
	switch {
	case i < 0:
		return noClient(id)
	case e.options.json:
		return e.printJSON(clients[i])
	}
	e.printClient(clients[i])
	return nil
}

// clientCheck is the check of a command about one client.
func clientCheck(command string) func([]string) error {
	return func(args []string) error {
		_, err := clientID(command, args)
		return err
	}
}

// clientID reads the number of a client, with the server's name before it where
// it was typed as for virt-admin.
func clientID(command string, args []string) (uint64, error) {
	if len(args) > 1 && args[0] == serverName {
		args = args[1:]
	}
	if len(args) != 1 {
		return 0, usagef("virtlock-admin client-list shows them", "%s needs the ID of one client", command)
	}
	id, err := strconv.ParseUint(args[0], 10, 64)
	if err != nil {
		return 0, usagef("virtlock-admin client-list shows them", "%q is no ID of a client", args[0])
	}
	return id, nil
}

func noClient(id uint64) error {
	return &notFoundError{message: fmt.Sprintf("there is no client %d", id), hint: "virtlock-admin client-list shows them"}
}

func (e *env) printClient(c api.Client) {
	p := findProcess(c.PID)
	printField(e.out, "Id", c.ID)
	printField(e.out, "Connected", e.when(c.Connected))
	printField(e.out, "Protocol", orDash(c.Protocol))
	printField(e.out, "Socket", c.Socket)
	printField(e.out, "PID", fmt.Sprintf("%d, %s", c.PID, e.state(p.alive)))
	printField(e.out, "Command", e.fitted(p.command()))
	printField(e.out, "User", fmt.Sprintf("%s (%d)", userName(c.UID), c.UID))
	printField(e.out, "Group", c.GID)
	printField(e.out, "Restricted", yesNo(c.Restricted))
	printField(e.out, "Waiting calls", c.Waiting)
	if c.Owner != nil {
		printField(e.out, "Owner", ownerName(*c.Owner))
		printField(e.out, "UUID", orDash(c.Owner.UUID))
		printField(e.out, "Owner PID", c.Owner.PID)
		printField(e.out, "Tied to", c.Owner.TiedTo)
	}
	fmt.Fprintln(e.out)
}
