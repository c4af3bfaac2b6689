package chaos

import (
	"context"
	"errors"
	"net"
	"time"

	"virtlock/client"
	"virtlock/client/api"
)

// packaged takes locks through package client, tied to the process or to the
// connection. The latter it claims by itself when a daemon has ended, so that both
// stay held across all that happens to the daemon.
type packaged struct {
	*worker
	client *client.Client
}

func newOfProcess(w *worker) taker { return newPackaged(w, api.TiedToProcess) }

func newOfConnection(w *worker) taker { return newPackaged(w, api.TiedToConnection) }

func newPackaged(w *worker, tied api.TiedTo) taker {
	return &packaged{w, &client.Client{
		Dial: func(context.Context) (net.Conn, error) { return w.dial() }, TiedTo: tied,
	}}
}

func (p *packaged) turn(want []wanted) {
	ctx, cancel := context.WithTimeout(context.Background(), tooLong)
	defer cancel()
	began := time.Now()
	held, err := p.client.Acquire(ctx, p.wait(), bare(want)...)
	switch {
	case err == nil:
		p.granted(began)
		p.use(want, held)
	case errors.Is(err, client.ErrBusy):
		p.count(refusals)
	case errors.Is(err, client.ErrBroken) && p.client.TiedTo == api.TiedToProcess:
		p.count(unknown)
		if p.isHeld(want) {
			p.count(unknownHeld)
			clear := p.hold(want)
			p.pause(20 * time.Millisecond)
			clear()
			p.release(want)
		}
	case errors.Is(err, client.ErrBroken):
		p.count(unknown) // the client gives back what was granted
	case !broke(err):
		p.board.violation("worker %d: acquire: %v", p.number, err)
	}
}

// use holds what was granted for a while, and gives it back.
func (p *packaged) use(want []wanted, held *client.Held) {
	clear := p.hold(want)
	select {
	case <-held.Lost():
		p.board.violation("worker %d: lost %+v", p.number, held.Locks())
	case <-time.After(time.Duration(p.random.IntN(20)) * time.Millisecond):
	}
	clear()
	p.until("release", held.Release)
	p.count(releases)
}

// release gives back what an acquire without an answer has taken.
func (p *packaged) release(want []wanted) {
	p.until("release", func(ctx context.Context) error {
		_, err := p.client.Release(ctx, namesOf(want)...)
		if errors.Is(err, client.ErrBroken) && !p.isHeld(want) {
			return nil
		}
		return err
	})
	p.count(releases)
}
