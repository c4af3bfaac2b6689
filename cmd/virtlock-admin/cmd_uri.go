package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
)

func uriCommand() command {
	return command{
		Command: &cli.Command{
			Name:     "uri",
			Category: groupShell,
			Usage:    "print the URI of the daemon that is asked",
		},
		run:   runURI,
		check: noArguments("uri"),
	}
}

func runURI(_ context.Context, e *env, _ *cli.Context, _ []string) error {
	if _, err := e.sockets(); err != nil {
		return err
	}
	fmt.Fprintln(e.out, e.uri())
	return nil
}

// uri names the daemon that is asked, also where nobody said which.
func (e *env) uri() string {
	uri := e.options.uri
	if uri == "" {
		uri = os.Getenv(defaultURI)
	}
	switch {
	case e.options.socket != "":
		return "virtlockd:///system?socket=" + strings.ReplaceAll(url.QueryEscape(e.options.socket), "%2F", "/")
	case uri != "":
		return uri
	case e.uid == 0:
		return "virtlockd:///system"
	}
	return "virtlockd:///session"
}
