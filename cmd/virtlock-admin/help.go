package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

// printHelp answers --help: for a command if one is named.
func printHelp(w io.Writer, app *cli.App, command *cli.Command) {
	if command != nil {
		printCommandHelp(w, command)
		return
	}
	printAppHelp(w, app)
}

// printAppHelp shows the ways to call the program, the global options, and what
// help does.
func printAppHelp(w io.Writer, app *cli.App) {
	fmt.Fprintf(w, "%s [GLOBAL-OPTION...]\n", app.Name)
	fmt.Fprintf(w, "%s [GLOBAL-OPTION...] COMMAND [OPTION...] [ARGUMENT...]\n", app.Name)
	fmt.Fprintf(w, "%s [GLOBAL-OPTION...] 'COMMAND...; COMMAND...'\n", app.Name)
	fmt.Fprintf(w, "\nGlobal options:\n")
	printOptions(w, "  ", app.Flags)
	fmt.Fprintln(w)
	printGroups(w, app)
}

// printCommandHelp is laid out as virsh does it.
func printCommandHelp(w io.Writer, c *cli.Command) {
	fmt.Fprintf(w, "  NAME\n    %s - %s\n", c.Name, c.Usage)
	fmt.Fprintf(w, "\n  SYNOPSIS\n    %s\n", synopsis(c))
	if c.Description != "" {
		fmt.Fprintf(w, "\n  DESCRIPTION\n    %s\n", strings.ReplaceAll(c.Description, "\n", "\n    "))
	}
	if len(c.Flags) > 0 {
		fmt.Fprintf(w, "\n  OPTIONS\n")
		printOptions(w, "    ", c.Flags)
	}
	if len(c.Aliases) > 0 {
		fmt.Fprintf(w, "\n  ALIASES\n    %s\n", strings.Join(c.Aliases, ", "))
	}
}

// synopsis is the command with its options and arguments, on lines that fit any
// terminal.
func synopsis(c *cli.Command) string {
	parts := []string{c.Name}
	for _, flag := range c.Flags {
		names, value, _ := describe(flag)
		parts = append(parts, "["+names[len(names)-1]+value+"]")
	}
	if c.ArgsUsage != "" {
		parts = append(parts, c.ArgsUsage)
	}
	const room = 75
	s, length := parts[0], len(parts[0])
	for _, part := range parts[1:] {
		if length+1+len(part) > room {
			s, length = s+"\n     ", 5
		}
		s, length = s+" "+part, length+1+len(part)
	}
	return s
}

func printOptions(w io.Writer, indent string, flags []cli.Flag) {
	for _, flag := range flags {
		names, value, usage := describe(flag)
		fmt.Fprintf(w, "%s%-22s %s\n", indent, strings.Join(names, ", ")+value, usage)
	}
}

// describe returns an option's names as they are typed, the short ones first,
// its value if it takes one, and what it does.
func describe(flag cli.Flag) (names []string, value, usage string) {
	for _, name := range flag.Names() {
		if len(name) == 1 {
			names = append([]string{"-" + name}, names...)
		} else {
			names = append(names, "--"+name)
		}
	}
	f, ok := flag.(cli.DocGenerationFlag)
	if !ok {
		return names, "", ""
	}
	usage = f.GetUsage()
	if !f.TakesValue() {
		return names, "", usage
	}
	// The value's name is what stands in back quotes.
	parts := strings.SplitN(usage, "`", 3)
	if len(parts) < 3 {
		return names, " VALUE", usage
	}
	return names, " " + parts[1], strings.Join(parts, "")
}
