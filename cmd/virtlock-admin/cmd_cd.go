package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
)

func cdCommand() command {
	return command{
		Command: &cli.Command{
			Name:        "cd",
			Category:    groupShell,
			Usage:       "change the working directory",
			ArgsUsage:   "[DIRECTORY]",
			Description: "The default is the home directory.",
		},
		run: runCd,
		check: func(args []string) error {
			if len(args) > 1 {
				return usagef("", "cd takes one DIRECTORY at most")
			}
			return nil
		},
		args: cdArgs,
	}
}

func runCd(_ context.Context, _ *env, _ *cli.Context, args []string) error {
	dir := os.Getenv("HOME")
	if len(args) > 0 {
		dir = args[0]
	}
	if dir == "" {
		dir = "/"
	}
	if err := os.Chdir(dir); err != nil {
		return fmt.Errorf("cd %q: %w", dir, errors.Unwrap(err)) // without the name of the system call
	}
	return nil
}

// cdArgs are directories.
func cdArgs(ctx context.Context, e *env, args []string, typed string) []candidate {
	if len(args) > 0 {
		return nil
	}
	var list []candidate
	for _, c := range files(ctx, e, nil, typed) {
		if strings.HasSuffix(c.text, "/") {
			list = append(list, c)
		}
	}
	return list
}
