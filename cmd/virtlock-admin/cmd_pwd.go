package main

import (
	"context"
	"fmt"
	"os"

	"github.com/urfave/cli/v2"
)

func pwdCommand() command {
	return command{
		Command: &cli.Command{
			Name:     "pwd",
			Category: groupShell,
			Usage:    "print the working directory",
		},
		run:   runPwd,
		check: noArguments("pwd"),
	}
}

func runPwd(_ context.Context, e *env, _ *cli.Context, _ []string) error {
	dir, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("pwd: %w", err)
	}
	fmt.Fprintln(e.out, quote(dir))
	return nil
}
