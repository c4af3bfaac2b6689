// Command virtlock-admin shows the locks that virtlockd keeps on the disks of
// virtual machines. virtlock-admin(1) describes it.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, newEnv(), os.Args[1:])
	stop()
	os.Exit(status)
}

// run carries out one command line and returns its exit status.
func run(ctx context.Context, e *env, words []string) int {
	out := bufio.NewWriter(e.out)
	e.out = out
	app := newApp(e)
	line, err := arrange(app, words)
	switch {
	case err != nil:
	case line.help:
		printHelp(out, app, line.command)
	default:
		err = app.RunContext(ctx, append([]string{app.Name}, line.words...))
	}
	if flushed := out.Flush(); err == nil && flushed != nil {
		err = fmt.Errorf("print answer: %w", flushed)
	}
	return e.report(err)
}
