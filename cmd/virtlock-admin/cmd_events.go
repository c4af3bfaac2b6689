package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"virtlock/client"
	"virtlock/client/api"
)

func eventsCommand() command {
	return command{
		Command: &cli.Command{
			Name:     "events",
			Aliases:  []string{"event"},
			Category: groupLocks,
			Usage:    "wait for what happens to locks, owners, the daemon",
			Description: "Without --loop it ends after the first event. --timeout, when it is given,\n" +
				"ends it as well.",
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "loop", Usage: "go on, until Ctrl-C"},
				&cli.BoolFlag{Name: "timestamp", Usage: "print the time, as it does by itself"},
				&cli.StringFlag{Name: "type", Usage: "only of these `TYPES`: patterns, with commas between"},
			},
		},
		run:   runEvents,
		check: noArguments("events"),
		lasts: true,
	}
}

func runEvents(ctx context.Context, e *env, options *cli.Context, _ []string) error {
	types, err := typePatterns(options)
	if err != nil {
		return err
	}
	f := follower{e: e, types: types, loop: options.Bool("loop")}
	end := ctx
	if options.IsSet("timeout") {
		limited, cancel := e.limit(ctx)
		defer cancel()
		end = limited
	}
	err = f.follow(end)
	switch {
	case err == nil, f.loop && end.Err() != nil:
		return nil
	case end.Err() != nil && ctx.Err() == nil:
		return errNoEvent
	}
	return err
}

// errNoEvent is the end of waiting for the first event.
var errNoEvent = errors.New("no event came in time")

// typePatterns reads --type.
func typePatterns(options *cli.Context) ([]string, error) {
	if !options.IsSet("type") {
		return nil, nil
	}
	types := strings.Split(options.String("type"), ",")
	for _, t := range types {
		if t == "" {
			return nil, usagef("as lock.* or owner.fenced", "option %q needs types that are not empty", "--type")
		}
		if !isEventType(t) {
			return nil, usagef("virtlock-protocol(7) lists them; * stands for any characters", "there is no type of events %q", t)
		}
	}
	return types, nil
}

// follower prints events as they come.
type follower struct {
	e     *env
	types []string
	loop  bool
	last  uint64 // the number of the last event that is known of
	asked bool   // the daemon has answered once
}

// reconnectPause is the time between two tries to reach a daemon that went away.
const reconnectPause = 200 * time.Millisecond

// follow goes on when the daemon is restarted, and says so.
func (f *follower) follow(ctx context.Context) error {
	for {
		err := f.listen(ctx)
		switch {
		case err == nil, ctx.Err() != nil:
			return err
		case !f.asked:
			return err
		case errors.Is(err, client.ErrBroken):
			fmt.Fprintln(f.e.err, "the daemon is away: waiting for it")
		case !errors.Is(err, client.ErrUnreachable) && !errors.Is(err, client.ErrLimit):
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(reconnectPause):
		}
	}
}

// listen prints the events of one connection.
func (f *follower) listen(ctx context.Context) error {
	events, err := f.e.subscribe(ctx, f.types)
	if err != nil {
		return err
	}
	defer events.Close()
	f.welcome(events.Seq)
	for {
		event, err := events.Next()
		if err != nil {
			return err
		}
		f.last = event.Seq
		if err := f.e.printEvent(event); err != nil || !f.loop {
			return err
		}
	}
}

// welcome tells, after a new connection, how many events nobody told.
func (f *follower) welcome(seq uint64) {
	switch {
	case !f.asked:
	case seq >= f.last:
		fmt.Fprintf(f.e.err, "the daemon is back: %s of all types came meanwhile\n", plural(int(seq-f.last), "event"))
	default: // it counts anew
		fmt.Fprintln(f.e.err, "the daemon is back: what happened meanwhile is not known")
	}
	f.asked, f.last = true, seq
}

// subscribe asks for events where any other question is put, too.
func (e *env) subscribe(ctx context.Context, types []string) (*client.Subscription, error) {
	return ask(ctx, e, func(ctx context.Context, c *client.Client) (*client.Subscription, error) {
		return c.Subscribe(ctx, types...)
	})
}

// printEvent prints one event on one line, at once.
func (e *env) printEvent(event api.Event) error {
	if e.options.json {
		line, err := json.Marshal(event)
		if err != nil {
			return fmt.Errorf("print event: %w", err)
		}
		fmt.Fprintf(e.out, "%s\n", line)
		return e.flush()
	}
	when := event.Time.In(e.now().Location()).Format("2006-01-02 15:04:05.000 -0700")
	if e.options.quiet {
		when = rowTime(event.Time)
		fmt.Fprintf(e.out, "%s\t%s\t%s\n", when, event.Type, orDash(eventWords(event)))
		return e.flush()
	}
	fmt.Fprintf(e.out, "%s %s: %s\n", when, e.paint(eventColour(event.Type), string(event.Type)), orDash(eventWords(event)))
	return e.flush()
}

// eventColour makes what an admin must not miss stand out.
func eventColour(t api.EventType) colour {
	switch t {
	case api.EventLockMissing, api.EventOwnerFenceFailed, api.EventDaemonReexecFailed, api.EventKeeperLost, api.EventLost:
		return red
	case api.EventLockForced, api.EventOwnerFenced, api.EventClientForced, api.EventLockRefused:
		return yellow
	}
	return plain
}
