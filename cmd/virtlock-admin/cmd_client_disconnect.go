package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"virtlock/client"
	"virtlock/client/api"
)

func clientDisconnectCommand() command {
	return command{
		Command: &cli.Command{
			Name:      "client-disconnect",
			Category:  groupOwners,
			Usage:     "close one connection to the daemon, and nothing else",
			ArgsUsage: "ID",
			Description: "Nobody is killed, and what is tied to a process stays locked. What is tied\n" +
				"to the connection is released.",
			Flags: []cli.Flag{reasonFlag()},
		},
		run:     runClientDisconnect,
		check:   clientCheck("client-disconnect"),
		args:    clientArgs,
		changes: true,
	}
}

// reasonFlag is the option of commands that the history asks why.
func reasonFlag() cli.Flag {
	return &cli.StringFlag{Name: "reason", Usage: "why, for the history: a `TEXT`"}
}

// reason is why, which has to be said.
func reason(options *cli.Context, command string) (string, error) {
	text := options.String("reason")
	if text == "" {
		return "", usagef("the history keeps it, for whoever asks later", "%s needs --reason TEXT", command)
	}
	return text, nil
}

func runClientDisconnect(ctx context.Context, e *env, options *cli.Context, args []string) error {
	id, err := clientID("client-disconnect", args)
	if err != nil {
		return err
	}
	why, err := reason(options, "client-disconnect")
	if err != nil {
		return err
	}
	_, err = ask(ctx, e, func(ctx context.Context, c *client.Client) (api.Empty, error) {
		return api.Empty{}, c.CloseClient(ctx, id, why)
	})
	switch {
	case errors.Is(err, client.ErrNotFound):
		return noClient(id)
	case err != nil:
		return err
	case e.options.json:
		return e.printJSON(api.ClientCloseParams{Client: id, Reason: why})
	case !e.options.quiet:
		fmt.Fprintf(e.out, "Client %d is disconnected\n", id)
	}
	return nil
}
