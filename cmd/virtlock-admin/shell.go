package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"virtlock/client"
	"virtlock/client/api"
)

// shell reads command strings, line by line, and carries them out. With a daemon
// named that nobody finds it does not start.
func (e *env) shell(ctx context.Context) {
	if e.session.uri != "" || e.session.socket != "" {
		if err := e.reach(ctx); err != nil {
			e.fail(err)
			return
		}
	}
	if e.interactive {
		e.talk(ctx)
		return
	}
	ctx, stop := interruptible(ctx)
	defer stop()
	prompts := io.Discard
	if e.person {
		prompts = e.err // standard output may be a file
	}
	e.follow(ctx, newPlainLines(e.in, prompts), e.carryOutLine)
}

// talk is the shell on a terminal, where Ctrl-C only ever ends one command.
func (e *env) talk(ctx context.Context) {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt) // or one between two commands would end it
	defer signal.Stop(interrupts)
	if !e.session.quiet {
		fmt.Fprint(e.out, "Welcome to virtlock-admin, the shell for the locks on virtual machine disks.\n\n"+
			"Type:  'help' for help with commands\n"+
			"       'quit' to quit\n\n")
	}
	e.answer.forget()
	_ = e.flush()
	lines := newLineEditor(e.columns, e.tab, newHistory())
	defer lines.close()
	e.follow(ctx, lines, func(ctx context.Context, line string) {
		ctx, stop := interruptible(ctx)
		defer stop()
		e.measure()
		e.carryOutLine(ctx, line)
	})
}

// follow carries out line after line. An empty line stands after each answer, as
// in virsh.
func (e *env) follow(ctx context.Context, lines lineReader, carryOut func(context.Context, string)) {
	for !e.left {
		if e.interactive {
			e.separate()
		}
		line, err := lines.next(ctx, e.prompt())
		switch {
		case errors.Is(err, errForgotten):
			continue
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			e.fail(fmt.Errorf("read command: %w", err))
			return
		}
		if !e.interactive {
			e.separate()
		}
		carryOut(ctx, line)
		if ctx.Err() != nil {
			return
		}
	}
}

func (e *env) carryOutLine(ctx context.Context, line string) {
	commands, err := splitCommands(line)
	if err != nil {
		e.fail(err)
		return
	}
	e.carryOut(ctx, commands)
}

// prompt says what the shell may do, as that of virsh.
func (e *env) prompt() string {
	if e.session.readonly {
		return "virtlock-admin > "
	}
	return "virtlock-admin # "
}

// reach fails when the daemon of the session does not answer.
func (e *env) reach(ctx context.Context) error {
	e.options = e.session
	ctx, cancel := e.limit(ctx)
	defer cancel()
	_, err := ask(ctx, e, func(ctx context.Context, c *client.Client) (api.Status, error) {
		return c.Status(ctx)
	})
	return err
}
