package chaos

import (
	"context"
	"errors"
	"net"
	"os"
	"time"

	"virtlock/client"
	"virtlock/client/api"
)

// ofProcess takes locks through package client, tied to the process.
type ofProcess struct {
	*worker
	client *client.Client
}

func newOfProcess(w *worker) taker {
	return &ofProcess{w, &client.Client{
		Dial: func(context.Context) (net.Conn, error) { return w.dial() }, TiedTo: api.TiedToProcess,
	}}
}

func (o *ofProcess) turn(want []wanted) {
	ctx, cancel := context.WithTimeout(context.Background(), tooLong)
	defer cancel()
	began := time.Now()
	held, err := o.client.Acquire(ctx, o.wait(), bare(want)...)
	switch {
	case err == nil:
		o.granted(began)
		clear := o.hold(want)
		o.pause(20 * time.Millisecond)
		clear()
		o.until("release", held.Release)
		o.count(releases)
	case errors.Is(err, client.ErrBusy), errors.Is(err, client.ErrLimit): // a daemon that stops
		o.count(refusals)
	case errors.Is(err, client.ErrBroken):
		o.count(unknown)
		if o.isHeld(want) {
			o.count(unknownHeld)
			clear := o.hold(want)
			o.pause(20 * time.Millisecond)
			clear()
			o.release(want)
		}
	case !broke(err):
		o.board.violation("worker %d: acquire: %v", o.number, err)
	}
}

// release gives back what an acquire without an answer has taken.
func (o *ofProcess) release(want []wanted) {
	o.until("release", func(ctx context.Context) error {
		_, err := o.client.Release(ctx, namesOf(want)...)
		if errors.Is(err, client.ErrBroken) && !o.isHeld(want) {
			return nil
		}
		return err
	})
	o.count(releases)
}

// ofConnection takes locks through package client, tied to the connection. With
// the connection they are gone for it; but a daemon that was killed keeps them for
// who claims them, so it does, and closes that connection.
type ofConnection struct {
	*worker
	client *client.Client
}

func newOfConnection(w *worker) taker {
	return &ofConnection{w, &client.Client{Dial: func(context.Context) (net.Conn, error) { return w.dial() }}}
}

func (o *ofConnection) turn(want []wanted) {
	ctx, cancel := context.WithTimeout(context.Background(), tooLong)
	defer cancel()
	began := time.Now()
	held, err := o.client.Acquire(ctx, o.wait(), bare(want)...)
	switch {
	case err == nil:
		o.granted(began)
		clear := o.hold(want)
		select {
		case <-held.Lost():
		case <-time.After(time.Duration(o.random.IntN(20)) * time.Millisecond):
		}
		clear()
		if err := held.Release(ctx); err == nil {
			o.count(releases)
			return
		} else if !errors.Is(err, client.ErrLost) {
			o.board.violation("worker %d: release: %v", o.number, err)
		}
		o.fetch(held.Locks()[0].Holders[0].Client)
	case errors.Is(err, client.ErrBusy), errors.Is(err, client.ErrLimit): // a daemon that stops
		o.count(refusals)
	case errors.Is(err, client.ErrBroken):
		o.count(unknown)
		o.fetchAll()
	case !broke(err):
		o.board.violation("worker %d: acquire: %v", o.number, err)
	}
}

// fetchAll claims what an acquire without an answer may have taken, by whatever
// connection.
func (o *ofConnection) fetchAll() {
	for _, l := range o.mine() {
		for _, h := range l.Holders {
			if h.Owner.PID == os.Getpid() {
				o.fetch(h.Client)
			}
		}
	}
}

// fetch claims what a connection held, and closes the new one with it.
func (o *ofConnection) fetch(number uint64) {
	o.until("claim", func(context.Context) error {
		c, err := o.byHand()
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.claim(number)
		if errors.Is(err, errNothingLeft) {
			return nil
		}
		if err == nil {
			o.count(claimed)
		}
		return err
	})
}
