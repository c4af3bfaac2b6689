package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

func doctorCommand() command {
	return command{
		Command: &cli.Command{
			Name:     "doctor",
			Category: groupDaemon,
			Usage:    "look for what is wrong with the locks of this host",
			Description: "Tries whether locks exclude where disks are, and looks at the daemon, its\n" +
				"limits, libvirt's configuration and the disks of running guests. It changes\n" +
				"nothing. Exits with 1 when there is a warning or an error.",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "severity", Usage: "show only this `LEVEL` and worse: ok, warning, error"},
			},
		},
		run:   runDoctor,
		check: noArguments("doctor"),
		lasts: true,
	}
}

func runDoctor(ctx context.Context, e *env, options *cli.Context, _ []string) error {
	least := fine
	if e.options.quiet {
		least = warning
	}
	if options.IsSet("severity") {
		least = severity(options.String("severity"))
	}
	if !slices.Contains(severities, least) {
		return usagef("levels are ok, warning and error", "unknown severity %q", least)
	}
	d := doctor{e: e}
	d.examine(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	findings := slices.DeleteFunc(d.findings, func(f finding) bool { return f.rank() < slices.Index(severities, least) })
	slices.SortStableFunc(findings, func(a, b finding) int { return b.rank() - a.rank() })
	if e.options.json {
		if err := e.printJSON(map[string][]finding{"findings": append([]finding{}, findings...)}); err != nil {
			return err
		}
	} else {
		e.printFindings(findings)
	}
	if slices.ContainsFunc(findings, func(f finding) bool { return f.Severity != fine }) {
		return &exitError{exitFailed}
	}
	return nil
}

func (f finding) rank() int { return slices.Index(severities, f.Severity) }

// printFindings prints the worst first, and at the end how many there are.
func (e *env) printFindings(findings []finding) {
	counts := make(map[severity]int)
	for _, f := range findings {
		counts[f.Severity]++
		e.printFinding(f)
	}
	if !e.options.quiet {
		fmt.Fprintf(e.out, "\n%s, %s, %d ok\n", plural(counts[failure], "error"), plural(counts[warning], "warning"), counts[fine])
	}
}

// printFinding prints the severity at the left, and beside it what and why.
func (e *env) printFinding(f finding) {
	const left = 9
	paint := map[severity]colour{fine: green, warning: yellow, failure: red}[f.Severity]
	mend := e.asTyped(f.Mend)
	label := e.paint(paint, string(f.Severity)) + strings.Repeat(" ", left-len(f.Severity))
	for _, part := range []struct{ name, text string }{{"", f.Check + ": " + f.Message}, {"why: ", f.Why}, {"mend: ", mend}} {
		if part.text == "" {
			continue
		}
		lines := []string{part.name + harmless(part.text)}
		if part.text != mend { // which is to be copied, and stays on one line
			lines = e.wrap(lines[0], left)
		}
		for _, line := range lines {
			fmt.Fprintf(e.out, "%s%s\n", label, line)
			label = strings.Repeat(" ", left)
		}
	}
}
