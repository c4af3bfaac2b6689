// Command virt-xml-validate checks descriptions of guests, networks and the
// like against libvirt's schemas. It takes the place of libvirt's script of that
// name; virt-xml-validate(1) describes it.
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
	if len(words) > 0 && words[0] == completeWord {
		return e.runComplete(words[1:])
	}
	out := bufio.NewWriter(e.out)
	e.out = out
	status, err := e.runLine(ctx, words)
	if flushed := out.Flush(); err == nil && flushed != nil {
		err = fmt.Errorf("print answer: %w", flushed)
	}
	if err != nil {
		return e.complain(err)
	}
	return status
}

// runLine is run without the errors that end the line put into words.
func (e *env) runLine(ctx context.Context, words []string) (status int, err error) {
	app := newApp(e, &status)
	arranged, wanted, err := arrange(app.Flags, words)
	switch {
	case err != nil:
		return 0, err
	case wanted == "help":
		printHelp(e.out)
		return exitOK, nil
	case wanted == "version":
		printVersion(e.out)
		return exitOK, nil
	}
	return status, app.RunContext(ctx, append([]string{app.Name}, arranged...))
}
