package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"virtlock/client"
	"virtlock/client/api"
)

func historyCommand() command {
	return command{
		Command: &cli.Command{
			Name:     "history",
			Category: groupLocks,
			Usage:    "show what happened, who asked for it, and why",
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "since", Usage: "from `TIME` on: 2h (ago), 10:30, today, 2026-11-22"},
				&cli.StringFlag{Name: "until", Usage: "up to `TIME`"},
				&cli.StringFlag{Name: "type", Usage: "only of these `TYPES`: patterns, with commas between"},
				&cli.StringFlag{Name: "owner", Usage: "only of the `OWNER`: name, UUID or process"},
				&cli.StringFlag{Name: "name", Usage: "only of names that match the `PATTERN`"},
				&cli.StringFlag{Name: "lockspace", Usage: "only of the lockspace `PATH`, or \"direct\""},
				&cli.StringFlag{Name: "limit", Usage: "the latest `N`, 1000 at most"},
				formatFlag(),
			},
		},
		run:   runHistory,
		check: noArguments("history"),
	}
}

func runHistory(ctx context.Context, e *env, options *cli.Context, _ []string) error {
	filter, err := e.auditFilter(options)
	if err != nil {
		return err
	}
	fields, err := chosen(recordFields, options, "time", "type", "what", "by")
	if err != nil {
		return err
	}
	result, err := ask(ctx, e, func(ctx context.Context, c *client.Client) (api.AuditResult, error) {
		return c.Audit(ctx, filter)
	})
	switch {
	case err != nil:
		return err
	case e.options.json:
		return e.printJSON(result)
	}
	t := fieldTable(e, fields, result.Records)
	if !e.options.quiet && !options.IsSet("format") && !t.fits(e.width) {
		e.printRecords(result.Records)
	} else if err := t.printFor(e); err != nil {
		return err
	}
	if !result.More || e.options.quiet {
		return nil
	}
	_, err = fmt.Fprintln(e.out, "There are older ones; --until and --limit show them.")
	return err
}

// printRecords prints each record on lines of its own: cut to a narrow terminal it
// would not tell what happened.
func (e *env) printRecords(records []api.AuditRecord) {
	for _, r := range records {
		by := ""
		if r.By != nil {
			by = "  by " + recordBy(r)
		}
		fmt.Fprintf(e.out, "%s  %s%s\n", e.moment(r.Time), e.paint(eventColour(r.Type), string(r.Type)), by)
		for _, line := range e.wrap(orDash(eventWords(r.Event)), 4) {
			fmt.Fprintf(e.out, "    %s\n", line)
		}
	}
	fmt.Fprintln(e.out)
}

// auditFilter reads the options that narrow the history.
func (e *env) auditFilter(options *cli.Context) (filter api.AuditFilter, err error) {
	for _, name := range []string{"name", "owner"} {
		if options.IsSet(name) && options.String(name) == "" {
			return filter, usagef("", "option %q needs a value that is not empty", "--"+name)
		}
	}
	filter.Name, filter.Owner = options.String("name"), options.String("owner")
	if options.IsSet("lockspace") {
		path := lockspacePath(options.String("lockspace"))
		filter.Lockspace = &path
	}
	if filter.Types, err = typePatterns(options); err != nil {
		return filter, err
	}
	for name, to := range map[string]*time.Time{"since": &filter.Since, "until": &filter.Until} {
		if !options.IsSet(name) {
			continue
		}
		if *to, err = e.parseMoment("--"+name, options.String(name)); err != nil {
			return filter, err
		}
	}
	if options.IsSet("limit") {
		limit, err := strconv.ParseUint(options.String("limit"), 10, 31)
		if err != nil || limit == 0 {
			return filter, usagef("", "option %q needs a number from 1 to 1000, not %q", "--limit", options.String("limit"))
		}
		filter.Limit = int(limit)
	}
	return filter, nil
}

// recordFields are the columns that history knows.
var recordFields = []field[api.AuditRecord]{
	{"time", "Time", whole, func(e *env, r api.AuditRecord) string { return e.moment(r.Time) }},
	{"age", "Age", whole, func(e *env, r api.AuditRecord) string { return e.since(r.Time) }},
	{"type", "Type", whole, func(_ *env, r api.AuditRecord) string { return string(r.Type) }},
	{"what", "What", cutEnd, func(_ *env, r api.AuditRecord) string { return orDash(eventWords(r.Event)) }},
	{"lockspace", "Lockspace", cutStart, func(_ *env, r api.AuditRecord) string { return recordLockspace(r) }},
	{"name", "Name", cutStart, func(_ *env, r api.AuditRecord) string { return orDash(quote(r.Name)) }},
	{"mode", "Mode", whole, func(_ *env, r api.AuditRecord) string { return orDash(string(r.Mode)) }},
	{"owner", "Owner", cutEnd, func(_ *env, r api.AuditRecord) string { return ownerName(recordOwner(r)) }},
	{"uuid", "UUID", whole, func(_ *env, r api.AuditRecord) string { return orDash(recordOwner(r).UUID) }},
	{"pid", "PID", whole, func(_ *env, r api.AuditRecord) string { return rowPID(recordOwner(r).PID) }},
	{"reason", "Reason", whole, func(_ *env, r api.AuditRecord) string { return orDash(string(r.Reason)) }},
	{"message", "Message", cutEnd, func(_ *env, r api.AuditRecord) string { return orDash(quote(r.Message)) }},
	{"by", "By", cutEnd, func(_ *env, r api.AuditRecord) string { return recordBy(r) }},
	{"user", "User", whole, func(_ *env, r api.AuditRecord) string { return recordUser(r) }},
}

func recordLockspace(r api.AuditRecord) string {
	if r.Lockspace == nil {
		return "-"
	}
	return lockspaceName(*r.Lockspace)
}

func recordOwner(r api.AuditRecord) api.Owner {
	if r.Owner == nil {
		return api.Owner{}
	}
	return *r.Owner
}

// recordBy is who asked for it.
func recordBy(r api.AuditRecord) string {
	if r.By == nil {
		return "-"
	}
	return fmt.Sprintf("%s (pid %d)", orDash(quote(r.By.Command)), r.By.PID)
}

func recordUser(r api.AuditRecord) string {
	if r.By == nil {
		return "-"
	}
	return userName(r.By.UID)
}
