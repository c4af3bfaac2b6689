package main

import (
	"fmt"
	"os"

	"virtlock/daemon"
)

// roles are what this program is when a daemon starts it, by its first argument.
// They are no options: the command line of libvirt's daemon is ours as well, and a
// shortened option must not come to mean another one.
var roles = map[string]func(args []string) error{
	// The process that holds the locks when the daemon ends.
	"--keeper": func([]string) error { return daemon.RunKeeper() },
	// A successor that is asked whether it could take over.
	"--dry-run": dryRun,
}

// playRole plays the role that the command line asks for, if it does.
func playRole(args []string) (status int, played bool) {
	if len(args) < 2 || roles[args[1]] == nil {
		return exitOK, false
	}
	if err := roles[args[1]](args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, complaint(args[0], err))
		return statusOf(err), true
	}
	return exitOK, true
}

// dryRun reads the states that a daemon would leave, after the command line that
// goes with them.
func dryRun(args []string) error {
	if _, err := parseOptions(append([]string{""}, args...)); err != nil {
		return err
	}
	return daemon.DryRun(os.Stdin, os.Stdout)
}
