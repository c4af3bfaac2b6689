package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"
)

// command is one row of the table of commands.
type command struct {
	*cli.Command
	// run does the work. Its words are the arguments without the options.
	run func(ctx context.Context, e *env, options *cli.Context, args []string) error
	// changes says that it changes something, which needs the right to.
	changes bool
	// lasts says that it takes as long as it takes: --timeout does not end it.
	lasts bool
	// wraps says that another command follows its arguments, after "--", which it
	// gets as one of them.
	wraps bool
	// args completes the next argument after the given ones.
	args values
}

// Groups of commands, as help lists them.
const (
	groupLocks  = "Locks"
	groupOwners = "Owners and clients"
	groupAction = "Action"
	groupDaemon = "Daemon"
	groupHelp   = "Help"
)

// commands is the one table of commands.
func commands() []command {
	return []command{
		listCommand(),
		inspectCommand(),
		whoCommand(),
		lockspaceListCommand(),
		lockspaceCreateCommand(),

		clientListCommand(),
		clientInfoCommand(),

		runCommand(),

		statusCommand(),
		reexecCommand(),
		helpCommand(),
		completeCommand(),
		guardCommand(),
	}
}

// newApp makes the parser of one command line. The library keeps state in it
// and in its commands, so that each line needs a fresh one.
func newApp(e *env) *cli.App {
	app := &cli.App{
		Name:            "virtlock-admin",
		Usage:           "show the locks on virtual machine disks",
		Flags:           globalOptions(),
		HideHelp:        true, // ours is help.go
		HideHelpCommand: true,
		HideVersion:     true,
		Writer:          e.out,
		ErrWriter:       e.err,
		// The library would print errors and end the process.
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   onUsageError,
		Before:         e.before,
		Action:         noCommand,
	}
	for _, c := range commands() {
		app.Commands = append(app.Commands, c.forApp(e))
	}
	return app
}

// globalOptions are taken before and after a command.
func globalOptions() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "connect", Aliases: []string{"c"}, Usage: "ask the daemon of this `URI`"},
		&cli.StringFlag{Name: "socket", Usage: "ask the daemon on the socket `PATH`"},
		&cli.StringFlag{Name: "timeout", Value: "10", Usage: "wait `SECONDS` for the daemon; 0 for ever"},
		&cli.BoolFlag{Name: "json", Usage: "print the answer as JSON"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print no headers, for scripts"},
		&cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "print this help"},
		&cli.BoolFlag{Name: "version", Aliases: []string{"v"}, Usage: "print the version"},
		&cli.BoolFlag{Name: "V", Usage: "print the version in detail"},
	}
}

// forApp is the command as the library wants it.
func (c command) forApp(e *env) *cli.Command {
	c.HideHelp, c.HideHelpCommand = true, true
	c.OnUsageError = onUsageError // not inherited from the app
	c.Action = func(options *cli.Context) error {
		ctx := options.Context
		if !c.lasts {
			limited, cancel := e.limit(ctx)
			defer cancel()
			ctx = limited
		}
		return c.run(ctx, e, options, options.Args().Slice())
	}
	return c.Command
}

// onUsageError keeps the library from printing its help on standard output.
func onUsageError(_ *cli.Context, err error, _ bool) error {
	return &usageError{message: err.Error()}
}

// noCommand is what happens when no command was found.
func noCommand(options *cli.Context) error {
	if options.Args().Present() {
		return unknownCommand(options.Args().First())
	}
	printUsage(options.App.ErrWriter, options.App)
	return &usageError{}
}

func unknownCommand(name string) error {
	return usagef("virtlock-admin --help lists the commands", "unknown command %q", name)
}

// before reads the global options, and answers those that need no command.
func (e *env) before(options *cli.Context) error {
	timeout, err := parseTimeout(options.String("timeout"))
	if err != nil {
		return err
	}
	e.options = globals{
		uri:     options.String("connect"),
		socket:  options.String("socket"),
		timeout: timeout,
		quiet:   options.Bool("quiet"),
		json:    options.Bool("json"),
	}
	switch {
	case options.Bool("version"):
		fmt.Fprintln(e.out, version)
		return errAnswered
	case options.Bool("V"):
		printVersions(e.out)
		return errAnswered
	}
	return nil
}

// findCommand returns the command of a name, or nil.
func findCommand(name string) *command {
	list := commands()
	i := slices.IndexFunc(list, func(c command) bool { return c.HasName(name) })
	if i < 0 {
		return nil
	}
	return &list[i]
}
