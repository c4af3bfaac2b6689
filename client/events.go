package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net"

	"virtlock/client/api"
)

// Subscription is a stream of events on a connection of its own. One goroutine
// at a time may read it.
type Subscription struct {
	// Seq is the number of the last event before the first one here.
	Seq uint64

	ctx    context.Context // ends the subscription
	socket string
	nc     net.Conn
	lines  *bufio.Reader
	stop   func() bool
	early  []message // events that came before the answer to the request
}

// Subscribe asks for events whose type matches one of the patterns, or for all.
// The subscription ends with ctx, or with Close. A reader that is too slow is
// told with an event of type api.EventLost how many it missed.
func (c *Client) Subscribe(ctx context.Context, types ...string) (*Subscription, error) {
	nc, err := c.dial(ctx)
	if err != nil {
		return nil, err
	}
	s := &Subscription{ctx: ctx, socket: c.path(), nc: nc, lines: bufio.NewReader(nc)}
	s.stop = context.AfterFunc(ctx, func() { _ = nc.Close() }) // which ends the read
	if err := s.start(types); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// start sends the request and reads its answer.
func (s *Subscription) start(types []string) error {
	line, err := encode(1, api.EventSubscribe, api.SubscribeParams{Types: types})
	if err != nil {
		return err
	}
	// A daemon that refuses everybody may close before it is written to.
	_, _ = s.nc.Write(line)
	m, err := s.readLine()
	for err == nil && m.Method != "" {
		s.early = append(s.early, m)
		m, err = s.readLine()
	}
	switch {
	case s.ctx.Err() != nil:
		return fmt.Errorf("%s: %w", api.EventSubscribe, context.Cause(s.ctx))
	case err != nil:
		return unanswered(s.socket, err)
	}
	var result api.SubscribeResult
	err = m.answer(api.EventSubscribe, &result)
	s.Seq = result.Seq
	return err
}

// read returns the next message, in the order in which they came.
func (s *Subscription) read() (message, error) {
	if len(s.early) > 0 {
		m := s.early[0]
		s.early = s.early[1:]
		return m, nil
	}
	return s.readLine()
}

func (s *Subscription) readLine() (message, error) {
	line, err := s.lines.ReadBytes('\n')
	if err != nil {
		return message{}, err
	}
	return decode(line)
}

// Next waits for the next event. It fails with the cause of the subscription's
// context, with ErrClosed after Close, and with ErrBroken when the connection
// is gone: what happens from then on until the next Subscribe is not seen.
func (s *Subscription) Next() (api.Event, error) {
	for {
		m, err := s.read()
		if err != nil {
			return api.Event{}, s.end(err)
		}
		if m.Method != api.EventNotification {
			continue
		}
		var event api.Event
		if err := json.Unmarshal(m.Params, &event); err != nil {
			return api.Event{}, fmt.Errorf("read event: %w", err)
		}
		return event, nil
	}
}

// end is why there are no more events.
func (s *Subscription) end(cause error) error {
	switch {
	case s.ctx.Err() != nil:
		return context.Cause(s.ctx)
	case errors.Is(cause, net.ErrClosed):
		return ErrClosed
	}
	return fmt.Errorf("read event: %w: %v", ErrBroken, cause)
}

// All are the events until the first error, which comes last.
func (s *Subscription) All() iter.Seq2[api.Event, error] {
	return func(yield func(api.Event, error) bool) {
		for {
			event, err := s.Next()
			if !yield(event, err) || err != nil {
				return
			}
		}
	}
}

// Close ends the subscription, and a Next that waits. It never fails.
func (s *Subscription) Close() error {
	s.stop()
	_ = s.nc.Close()
	return nil
}
