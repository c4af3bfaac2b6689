// Command virtlock-admin shows and manages the locks that virtlockd keeps on the
// disks of virtual machines, with commands or as a shell. virtlock-admin(1)
// describes it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	status := run(ctx, newEnv(), os.Args[1:])
	stop()
	os.Exit(status)
}

// run is the program: it carries out its words and returns the exit status.
func run(ctx context.Context, e *env, words []string) int {
	e.begin()
	defer e.links.close()
	start, err := e.read(ctx, words)
	switch {
	case err != nil:
		e.fail(err)
	case start.shell:
		e.shell(ctx)
	default:
		ctx, stop := interruptible(ctx)
		defer stop()
		e.carryOut(ctx, start.commands)
	}
	return e.status
}

// interruptible is a context that Ctrl-C ends.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, os.Interrupt)
}
