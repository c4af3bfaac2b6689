package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

// Groups of commands.
const (
	groupLocks  = "Locks"
	groupOwners = "Owners and clients"
	groupAction = "Action"
	groupDaemon = "Daemon"
	groupShell  = "Shell"
)

// group is a group of commands, and the word for it after help.
type group struct{ title, keyword string }

// groups are all groups, in the order in which help lists them.
var groups = []group{
	{groupLocks, "locks"},
	{groupOwners, "owners"},
	{groupAction, "action"},
	{groupDaemon, "daemon"},
	{groupShell, "shell"},
}

// findGroup returns the group of a keyword or a title, or nil.
func findGroup(word string) *group {
	for _, g := range groups {
		if word == g.keyword || strings.EqualFold(word, g.title) {
			return &g
		}
	}
	return nil
}

// printGroups lists all commands, laid out as virsh does it.
func printGroups(w io.Writer, app *cli.App) {
	fmt.Fprintf(w, "Grouped commands:\n\n")
	for _, g := range groups {
		printGroup(w, app, g)
	}
}

// printGroup lists the commands of a group, in the order of the table.
func printGroup(w io.Writer, app *cli.App, g group) {
	started := false
	for _, c := range app.Commands {
		if c.Hidden || c.Category != g.title {
			continue
		}
		if !started {
			fmt.Fprintf(w, " %s (help keyword '%s'):\n", g.title, g.keyword)
			started = true
		}
		fmt.Fprintf(w, "    %-22s %s\n", c.Name, c.Usage)
	}
	if started {
		fmt.Fprintln(w)
	}
}
