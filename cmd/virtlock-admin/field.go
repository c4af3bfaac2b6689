package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// field is a column that a command can show of each of its entries.
type field[T any] struct {
	name  string // as --format has it
	title string
	cut   cut
	show  func(e *env, entry T) string
}

// formatFlag is the option that chooses columns, which all such commands have.
func formatFlag() cli.Flag {
	return &cli.StringFlag{Name: "format", Usage: "show these `COLUMNS`, with commas between"}
}

// chosen are the fields that --format names, or those of the default.
func chosen[T any](all []field[T], options *cli.Context, usual ...string) ([]field[T], error) {
	names := usual
	if options.IsSet("format") {
		names = strings.Split(options.String("format"), ",")
	}
	fields := make([]field[T], len(names))
	for i, name := range names {
		at := slices.IndexFunc(all, func(f field[T]) bool { return f.name == name })
		if at < 0 {
			return nil, usagef("columns are "+strings.Join(fieldNames(all), ", "), "there is no column %q", name)
		}
		fields[i] = all[at]
	}
	return fields, nil
}

func fieldNames[T any](all []field[T]) []string {
	names := make([]string, len(all))
	for i, f := range all {
		names[i] = f.name
	}
	return names
}

// printFields prints entries as a table or, for scripts, as rows with tabs.
func printFields[T any](e *env, fields []field[T], entries []T) error {
	return fieldTable(e, fields, entries).printFor(e)
}

// fieldTable has a row for each entry.
func fieldTable[T any](e *env, fields []field[T], entries []T) table {
	t := table{expendable: []string{"Age"}}
	for _, f := range fields {
		t.columns = append(t.columns, column{f.title, f.cut})
	}
	for _, entry := range entries {
		row := make([]string, len(fields))
		for i, f := range fields {
			row[i] = f.show(e, entry)
			if e.options.quiet {
				row[i] = orDash(row[i])
			}
		}
		t.rows = append(t.rows, row)
	}
	return t
}

// printFor prints the table as the options want it.
func (t table) printFor(e *env) error {
	if !e.options.quiet {
		return t.print(e.out, e.width)
	}
	for _, row := range t.rows {
		fmt.Fprintln(e.out, strings.Join(row, "\t"))
	}
	return nil
}

// moment is a time in a column: in the local zone, or for scripts in UTC.
func (e *env) moment(t time.Time) string {
	switch {
	case e.options.quiet:
		return rowTime(t)
	case t.IsZero():
		return "-"
	}
	return t.In(e.now().Location()).Format("2006-01-02 15:04:05")
}
