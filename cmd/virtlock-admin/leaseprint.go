package main

import (
	"fmt"
	"slices"
	"strings"
)

// printLeases prints a table. The column of lockspaces is there when one matters.
func (e *env) printLeases(answer checked) error {
	spaces := slices.ContainsFunc(answer.Leases, func(l lease) bool { return l.Lockspace != "" })
	t := table{expendable: []string{"Mode"}}
	t.columns = []column{{"Disk", cutEnd}, {"File", cutStart}, {"Mode", whole}, {"State", whole}, {"Who and why", cutEnd}}
	if spaces {
		t.columns = slices.Insert(t.columns, 2, column{"Lockspace", cutStart})
	}
	for _, l := range answer.Leases {
		row := []string{orDash(quote(l.Device)), orDash(quote(l.Source)), orDash(string(l.Mode)), string(l.State), orDash(l.why())}
		if spaces {
			row = slices.Insert(row, 2, l.space())
		}
		t.rows = append(t.rows, row)
	}
	if err := t.print(e.out, e.width); err != nil {
		return err
	}
	for _, warning := range answer.Warnings {
		for _, line := range e.wrap("warning: "+warning, 0) {
			fmt.Fprintln(e.out, line)
		}
	}
	return nil
}

// space is the lockspace of a lock, where there is a lock.
func (l lease) space() string {
	if l.Name == "" {
		return "-"
	}
	return lockspaceName(l.Lockspace)
}

// printLeaseRows prints a line of seven fields for each lease, for scripts.
func (e *env) printLeaseRows(answer checked) {
	for _, l := range answer.Leases {
		fields := []string{
			orDash(quote(l.Device)), orDash(quote(l.Source)), orDash(quote(l.Lockspace)), orDash(quote(l.Name)),
			orDash(string(l.Mode)), string(l.State), orDash(l.why()),
		}
		fmt.Fprintln(e.out, strings.Join(fields, "\t"))
	}
}
