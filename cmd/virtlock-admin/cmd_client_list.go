package main

import (
	"context"
	users "os/user"
	"strconv"

	"github.com/urfave/cli/v2"

	"virtlock/client"
	"virtlock/client/api"
)

func clientListCommand() command {
	return command{
		Command: &cli.Command{
			Name:     "client-list",
			Aliases:  []string{"srv-clients-list"},
			Category: groupOwners,
			Usage:    "list the connections to the daemon, this one too",
			Flags:    []cli.Flag{formatFlag()},
		},
		run:   runClientList,
		check: serverCheck("client-list"),
	}
}

func runClientList(ctx context.Context, e *env, options *cli.Context, _ []string) error {
	fields, err := chosen(clientFields, options, "id", "protocol", "socket", "pid", "command", "owner", "connected")
	if err != nil {
		return err
	}
	clients, err := askClients(ctx, e)
	switch {
	case err != nil:
		return err
	case e.options.json:
		return e.printJSON(api.ClientsResult{Clients: clients})
	}
	t := fieldTable(e, fields, clients)
	if !options.IsSet("format") {
		t.expendable = []string{"Protocol", "Socket", "Connected since", "Command", "PID"}
	}
	return t.printFor(e)
}

func askClients(ctx context.Context, e *env) ([]api.Client, error) {
	return ask(ctx, e, func(ctx context.Context, c *client.Client) ([]api.Client, error) {
		return c.Clients(ctx)
	})
}

// serverName is the one server that virt-admin's commands about clients name.
const serverName = "virtlockd"

// serverCheck is the check of a command without an argument but that name.
func serverCheck(command string) func([]string) error {
	return func(args []string) error {
		if len(args) > 0 && args[0] == serverName {
			args = args[1:]
		}
		return noArguments(command)(args)
	}
}

// clientFields are the columns that client-list knows.
var clientFields = []field[api.Client]{
	{"id", "Id", whole, func(_ *env, c api.Client) string { return strconv.FormatUint(c.ID, 10) }},
	{"protocol", "Protocol", whole, func(_ *env, c api.Client) string { return orDash(c.Protocol) }},
	{"socket", "Socket", whole, func(_ *env, c api.Client) string { return c.Socket }},
	{"pid", "PID", whole, func(_ *env, c api.Client) string { return strconv.Itoa(c.PID) }},
	{"command", "Command", cutEnd, func(_ *env, c api.Client) string { return orDash(quote(commandName(c.PID))) }},
	{"user", "User", whole, func(_ *env, c api.Client) string { return userName(c.UID) }},
	{"owner", "Owner", cutEnd, func(_ *env, c api.Client) string { return clientOwner(c) }},
	{"restricted", "Restricted", whole, func(_ *env, c api.Client) string { return yesNo(c.Restricted) }},
	{"waiting", "Waiting", whole, func(_ *env, c api.Client) string { return strconv.Itoa(c.Waiting) }},
	{"connected", "Connected since", whole, func(e *env, c api.Client) string { return e.moment(c.Connected) }},
	{"age", "Age", whole, func(e *env, c api.Client) string { return e.since(c.Connected) }},
}

// clientOwner is for whom a client asks, if it said so.
func clientOwner(c api.Client) string {
	if c.Owner == nil {
		return "-"
	}
	return ownerName(*c.Owner)
}

// userName is a user's name, or its number where it has none.
func userName(uid int) string {
	u, err := users.LookupId(strconv.Itoa(uid))
	if err != nil {
		return strconv.Itoa(uid)
	}
	return quote(u.Username)
}
