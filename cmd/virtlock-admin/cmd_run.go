package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"virtlock/client"
	"virtlock/client/api"
)

func runCommand() command {
	return command{
		Command: &cli.Command{
			Name:      "run",
			Category:  groupAction,
			Usage:     "run a command while holding locks, as flock does",
			ArgsUsage: "PATH... -- COMMAND [ARGUMENT...]",
			Description: "All the files are locked, or none and the command is not run. Exits with\n" +
				"the status of the command. Should a lock get lost, the command is stopped.",
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "shared", Usage: "let others share the locks, to read beside them"},
				&cli.StringFlag{Name: "wait", Usage: "wait so long for the locks: `TIME` as 30s, or forever"},
				&cli.StringFlag{Name: "conflict-exit-code", Aliases: []string{"E"}, Usage: "exit with `STATUS` when one is held"},
			},
		},
		run:     runRun,
		check:   checkRun,
		args:    runArgs,
		changes: true,
		lasts:   true,
		wraps:   true,
	}
}

// The exit statuses of run beside those of the command it ran.
const (
	exitLost          = 125 // the lock; the command was stopped
	exitCannotExecute = 126
	exitNoSuchCommand = 127
	exitSignalled     = 128 // and the number of the signal
)

func runRun(ctx context.Context, e *env, options *cli.Context, args []string) error {
	resources, argv, err := runWords(options, args)
	if err != nil {
		return err
	}
	wait, err := runWait(options)
	if err != nil {
		return err
	}
	conflict, err := conflictStatus(options)
	if err != nil {
		return err
	}
	program, err := findProgram(argv[0])
	if err != nil {
		return err
	}
	c, err := e.longClient(api.Owner{Name: filepath.Base(argv[0])})
	if err != nil {
		return err
	}
	defer c.Close()
	held, err := acquireLimited(ctx, e, c, wait, resources)
	switch {
	case errors.Is(err, client.ErrBusy):
		return &statusError{err, conflict}
	case errors.Is(err, client.ErrNotFound): // the daemon's hint is for other programs
		message, _, _ := explain(err)
		return &notFoundError{message, "check the name: run locks files that are there"}
	case err != nil:
		return err
	}
	return e.runLocked(ctx, c, held, program, argv)
}

// checkRun wants files and a command.
func checkRun(args []string) error {
	if at := slices.Index(args, "--"); at <= 0 || at == len(args)-1 {
		return usagef("virtlock-admin run PATH... -- COMMAND", "run needs the PATH of files, --, and a COMMAND")
	}
	return nil
}

// runWords reads the files and the command.
func runWords(options *cli.Context, args []string) ([]api.Resource, []string, error) {
	at := slices.Index(args, "--")
	mode := api.Exclusive
	if options.Bool("shared") {
		mode = api.Shared
	}
	resources := make([]api.Resource, at)
	for i, path := range args[:at] {
		file, err := filepath.Abs(path)
		if err != nil {
			return nil, nil, err
		}
		resources[i] = api.Resource{Name: file, Mode: mode}
	}
	return resources, args[at+1:], nil
}

func runWait(options *cli.Context) (time.Duration, error) {
	switch word := options.String("wait"); word {
	case "":
		return 0, nil
	case "forever":
		return client.Forever, nil
	default:
		return parseDuration("--wait", word)
	}
}

// conflictStatus is the exit status when somebody else holds a lock.
func conflictStatus(options *cli.Context) (int, error) {
	word := options.String("conflict-exit-code")
	if word == "" {
		return exitBusy, nil
	}
	status, err := strconv.ParseUint(word, 10, 8)
	if err != nil {
		return 0, usagef("", "option %q needs a number from 0 to 255, not %q", "--conflict-exit-code", word)
	}
	return int(status), nil
}

// longClient is a client for what lasts, with locks that outlive its connection.
// It asks on the main socket: the places of the other are for administration.
func (e *env) longClient(owner api.Owner) (*client.Client, error) {
	sockets, err := e.sockets()
	if err != nil {
		return nil, err
	}
	return &client.Client{Socket: sockets[len(sockets)-1], Owner: owner, TiedTo: api.TiedToProcess}, nil
}

// acquireLimited takes the locks. The daemon has the time of --timeout to answer,
// beside what is waited for the locks.
func acquireLimited(ctx context.Context, e *env, c *client.Client, wait time.Duration, resources []api.Resource) (*client.Held, error) {
	if wait >= 0 && e.options.timeout > 0 {
		limited, cancel := context.WithTimeoutCause(ctx, wait+e.options.timeout, errNoAnswer)
		defer cancel()
		ctx = limited
	}
	return c.Acquire(ctx, wait, resources...)
}

// runLocked runs the command, and gives the locks back when nothing of it is left.
func (e *env) runLocked(ctx context.Context, c *client.Client, held *client.Held, program string, argv []string) error {
	// Signals are for the command from here on.
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	lost := make(chan error, 1)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		if err := watchLocks(ctx, c, held, os.Getpid()); err != nil {
			lost <- err
		}
	}()
	err := runJob(e, program, argv, lost)
	cancel(nil)
	<-watched
	limited, stop := e.limit(context.WithoutCancel(ctx))
	defer stop()
	// What cannot be released now goes with this process.
	if released := held.Release(limited); errors.Is(released, client.ErrLost) && !errors.As(err, new(*lostError)) {
		return &lostError{released}
	}
	return err
}
