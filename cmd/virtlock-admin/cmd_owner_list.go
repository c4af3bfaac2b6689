package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"virtlock/client"
	"virtlock/client/api"
)

func ownerListCommand() command {
	return command{
		Command: &cli.Command{
			Name:     "owner-list",
			Category: groupOwners,
			Usage:    "list processes that hold locks or may ask for them",
			Flags:    []cli.Flag{formatFlag()},
		},
		run:   runOwnerList,
		check: noArguments("owner-list"),
	}
}

func runOwnerList(ctx context.Context, e *env, options *cli.Context, _ []string) error {
	fields, err := chosen(ownerFields, options, "pid", "owner", "locks", "waiting", "clients", "state", "age")
	if err != nil {
		return err
	}
	owners, err := askOwners(ctx, e)
	switch {
	case err != nil:
		return err
	case e.options.json:
		return e.printJSON(api.OwnersResult{Owners: owners})
	}
	t := fieldTable(e, fields, owners)
	if !options.IsSet("format") {
		t.expendable = []string{"Age", "Clients", "Waiting", "State", "Locks"}
	}
	return t.printFor(e)
}

func askOwners(ctx context.Context, e *env) ([]api.OwnerInfo, error) {
	return ask(ctx, e, func(ctx context.Context, c *client.Client) ([]api.OwnerInfo, error) {
		return c.Owners(ctx)
	})
}

// ownerFields are the columns that owner-list knows.
var ownerFields = []field[api.OwnerInfo]{
	{"pid", "PID", whole, func(_ *env, o api.OwnerInfo) string { return strconv.Itoa(o.Owner.PID) }},
	{"owner", "Owner", cutEnd, func(_ *env, o api.OwnerInfo) string { return ownerName(o.Owner) }},
	{"uuid", "UUID", whole, func(_ *env, o api.OwnerInfo) string { return orDash(o.Owner.UUID) }},
	{"id", "ID", whole, func(_ *env, o api.OwnerInfo) string { return strconv.FormatUint(uint64(o.Owner.ID), 10) }},
	{"locks", "Locks", whole, func(_ *env, o api.OwnerInfo) string { return strconv.Itoa(o.Locks) }},
	{"waiting", "Waiting", whole, func(_ *env, o api.OwnerInfo) string { return strconv.Itoa(o.Waiting) }},
	{"clients", "Clients", whole, func(_ *env, o api.OwnerInfo) string { return clientNumbersOf(o) }},
	{"state", "State", whole, ownerState},
	{"command", "Command", cutEnd, func(_ *env, o api.OwnerInfo) string { return findProcess(o.Owner.PID).command() }},
	{"started", "Started", whole, func(e *env, o api.OwnerInfo) string { return e.moment(o.Started) }},
	{"age", "Age", whole, func(e *env, o api.OwnerInfo) string { return e.since(o.Started) }},
}

func clientNumbersOf(o api.OwnerInfo) string {
	numbers := make([]string, len(o.Clients))
	for i, n := range o.Clients {
		numbers[i] = strconv.FormatUint(n, 10)
	}
	return orDash(strings.Join(numbers, ","))
}

// ownerState is whether the owner lives, or is being ended.
func ownerState(e *env, o api.OwnerInfo) string {
	if o.Fencing {
		return e.paint(yellow, "fencing")
	}
	return e.state(findProcess(o.Owner.PID).alive)
}
