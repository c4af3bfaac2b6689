package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// completionTime is how long Tab may wait for the daemon.
const completionTime = 300 * time.Millisecond

// completeCommand is what the scripts in completion/ call. It prints the
// candidates, one on a line, and never fails.
func completeCommand() command {
	return command{
		Command: &cli.Command{
			Name:      "__complete",
			Hidden:    true,
			ArgsUsage: "[WORD...]",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "line", Usage: "complete a `LINE` of bash, up to the cursor"},
				&cli.StringFlag{Name: "breaks", Usage: "the `CHARACTERS` that bash breaks words at"},
			},
		},
		run: runComplete,
	}
}

func runComplete(ctx context.Context, e *env, options *cli.Context, args []string) error {
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	if !options.IsSet("line") {
		for _, c := range complete(ctx, e, args) {
			fmt.Fprintf(e.out, "%s\t%s\n", c.text, strings.ReplaceAll(c.help, "`", ""))
		}
		return nil
	}
	line := splitLine(options.String("line"), options.String("breaks"))
	for _, c := range complete(ctx, e, line.words[min(1, len(line.words)):]) {
		fmt.Fprintln(e.out, line.insertion(c))
	}
	return nil
}
