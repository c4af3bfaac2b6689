package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"
)

// command is one row of the table of commands. Its Category is one of groups, and
// its Aliases are the names that virsh and virt-admin have for the same.
type command struct {
	*cli.Command
	// run does the work. Its words are the arguments without the options.
	run func(ctx context.Context, e *env, options *cli.Context, args []string) error
	// check refuses arguments that are always wrong, before any command of the
	// line runs. Nil leaves it to run.
	check func(args []string) error
	// wraps says that another command follows its arguments, after "--", which it
	// gets as one of them.
	wraps bool
	// args completes the next argument after the given ones.
	args values
	// changes says that it changes something, and is refused with --readonly.
	changes bool
	// lasts says that it takes as long as it takes: --timeout does not end it.
	lasts bool
	// verbatim says that no empty line follows its answer, whatever runs next.
	verbatim bool
}

// commands is the one table of commands, for the shell too. Help lists them group
// by group, in this order.
func commands() []command {
	return []command{
		listCommand(),
		inspectCommand(),
		whoCommand(),
		checkCommand(),
		lockspaceListCommand(),
		lockspaceCreateCommand(),
		eventsCommand(),
		historyCommand(),

		ownerListCommand(),
		clientListCommand(),
		clientInfoCommand(),
		clientDisconnectCommand(),

		forceReleaseCommand(),
		runCommand(),

		statusCommand(),
		doctorCommand(),
		reexecCommand(),
		reloadCommand(),
		logFiltersCommand(),
		logOutputsCommand(),
		limitsCommand(),
		daemonTimeoutCommand(),

		helpCommand(),
		connectCommand(),
		uriCommand(),
		versionCommand(),
		cdCommand(),
		pwdCommand(),
		echoCommand(),
		quitCommand(),
		completeCommand(),
		guardCommand(),
		probeCommand(),
	}
}

// newApp makes the parser of one command line. The library keeps state in it
// and in its commands, so that each line needs a fresh one.
func newApp(e *env) *cli.App {
	app := &cli.App{
		Name:            "virtlock-admin",
		Usage:           "see and manage the locks on virtual machine disks",
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
		&cli.BoolFlag{Name: "readonly", Aliases: []string{"r"}, Usage: "refuse commands that change anything"},
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
		if c.changes && e.options.readonly {
			return &readonlyError{c.Name}
		}
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

// noCommand is what happens when a command has only options.
func noCommand(*cli.Context) error {
	return usagef(commandsHint, "there is no command")
}

// commandsHint is for who does not know what to type.
const commandsHint = "virtlock-admin help lists the commands"

func unknownCommand(name string) error {
	return usagef(commandsHint, "unknown command %q", name)
}

// noArguments is the check of a command that has none.
func noArguments(name string) func([]string) error {
	return func(args []string) error {
		if len(args) > 0 {
			return usagef("", "%s takes no argument: %q", name, args[0])
		}
		return nil
	}
}

// oneArgument is the check of a command that has one, which is not empty.
func oneArgument(need string) func([]string) error {
	return func(args []string) error {
		if len(args) != 1 || args[0] == "" {
			return usagef("", "%s", need)
		}
		return nil
	}
}

// before reads the global options, and answers those that need no command. What
// is not given is as for the whole session.
func (e *env) before(options *cli.Context) error {
	e.options = e.session
	if options.IsSet("connect") || options.IsSet("socket") {
		e.options.uri, e.options.socket = options.String("connect"), options.String("socket")
	}
	if options.IsSet("timeout") {
		timeout, err := parseTimeout(options.String("timeout"))
		if err != nil {
			return err
		}
		e.options.timeout = timeout
	}
	e.options.quiet = e.options.quiet || options.Bool("quiet")
	e.options.json = e.options.json || options.Bool("json")
	e.options.readonly = e.options.readonly || options.Bool("readonly")
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
