package main

import (
	"context"
	"fmt"
)

// call is a command that was read, and is to be run.
type call struct {
	line commandLine
	command
}

// carryOut runs commands one after another. All are read before the first one
// runs, as virsh does it: a slip in the last one leaves nothing half done.
func (e *env) carryOut(ctx context.Context, commands [][]string) {
	calls := make([]call, len(commands))
	for i, words := range commands {
		var err error
		if calls[i], err = e.readCall(words); err != nil {
			e.fail(err)
			return
		}
	}
	for i, c := range calls {
		if i > 0 {
			e.separate()
		}
		e.finish(c, e.runCall(ctx, c))
		if e.left || ctx.Err() != nil {
			return
		}
	}
}

// readCall finds all that is wrong with a command before it runs.
func (e *env) readCall(words []string) (call, error) {
	line, err := arrange(newApp(e), words)
	if err != nil || line.command == nil {
		return call{line: line}, err
	}
	c := call{line: line, command: *findCommand(line.command.Name)}
	if c.check != nil && !line.help {
		err = c.check(line.args)
	}
	return c, err
}

func (e *env) runCall(ctx context.Context, c call) error {
	app := newApp(e)
	if c.line.help {
		printHelp(e.out, app, c.line.command)
		return nil
	}
	return app.RunContext(ctx, append([]string{app.Name}, c.line.words...))
}

// finish is what comes after each command: its output, its error and its status.
func (e *env) finish(c call, err error) {
	if flushed := e.flush(); err == nil && flushed != nil {
		err = fmt.Errorf("print answer: %w", flushed)
	}
	if c.verbatim || e.options.quiet || e.options.json {
		e.answer.forget()
	}
	if e.left {
		return // with the status of the command before
	}
	e.fail(err)
}

// fail reports an error, or none, and keeps its status.
func (e *env) fail(err error) {
	_ = e.flush() // the answer goes first
	e.status = e.report(err)
}

// separate puts an empty line after what a command printed.
func (e *env) separate() {
	e.answer.separate()
	_ = e.flush() // the next one finds out
}
