package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"virtlock/client/api"
)

// Held is what Acquire took, all of it until Release.
type Held struct {
	client  *Client
	process bool   // tied to the process, not to a connection
	number  uint64 // of the connection that took it
	locks   []api.Lock
	since   []time.Time // of our holds, by index of locks
	lost    chan struct{}

	// Guarded by Client.mu.
	conn    *conn // that it is tied to, or that took it
	dropped bool  // released or lost
	asked   bool  // Release was called

	releasing turn // guards the fields that follow
	released  bool
	unsure    bool // the answer to an earlier release never came
}

// hold makes a Held of what was granted on a connection.
func (c *Client) hold(cn *conn, locks []api.Lock) *Held {
	h := &Held{
		client:  c,
		conn:    cn,
		process: c.TiedTo == api.TiedToProcess,
		locks:   locks,
		since:   make([]time.Time, len(locks)),
		lost:    make(chan struct{}),
	}
	us := cn.registration()
	h.number = us.Client
	for i, lock := range locks {
		for _, holder := range lock.Holders {
			if holder.Client == us.Client {
				h.since[i] = holder.Since // the last one is the newest
			}
		}
	}
	if !h.keep() && h.drop() {
		h.lose()
	}
	return h
}

// keep puts h where its loss will be noticed. It reports false when the
// connection it is tied to broke already.
func (h *Held) keep() bool {
	if h.process {
		h.client.mu.Lock()
		defer h.client.mu.Unlock()
		if h.client.held == nil {
			h.client.held = make(map[*Held]struct{})
		}
		h.client.held[h] = struct{}{}
		return true
	}
	cn := h.carrier()
	cn.mu.Lock()
	defer cn.mu.Unlock()
	if cn.held == nil {
		return false
	}
	cn.held[h] = struct{}{}
	return true
}

// carrier is the connection that h is tied to.
func (h *Held) carrier() *conn {
	h.client.mu.Lock()
	defer h.client.mu.Unlock()
	return h.conn
}

// drop undoes keep. It reports false when that was done before, because h was
// released or lost.
func (h *Held) drop() bool {
	h.client.mu.Lock()
	defer h.client.mu.Unlock()
	return h.dropLocked()
}

// dropLocked is drop with Client.mu held.
func (h *Held) dropLocked() bool {
	if h.dropped {
		return false
	}
	h.dropped = true
	delete(h.client.held, h)
	if h.client.claim != nil {
		delete(h.client.claim.held, h)
	}
	h.conn.mu.Lock()
	defer h.conn.mu.Unlock()
	delete(h.conn.held, h)
	return true
}

// lose says that the locks are gone. It is called once, after h was dropped.
func (h *Held) lose() { close(h.lost) }

// Locks returns what is held, in the order asked for, as it was when it was
// granted.
func (h *Held) Locks() []api.Lock { return h.locks }

// Lost returns a channel that is closed when the locks are gone though Release
// did not give them back: when the connection they are tied to was closed, or
// broke and they could not be claimed on another one. Until that is known it
// stays open, which takes as long as the daemon is away, and at most two minutes.
// Meanwhile the daemon's keeper holds them, and nobody else gets them. Locks that
// are tied to the process are looked after when the client connects again, with
// its next call.
func (h *Held) Lost() <-chan struct{} { return h.lost }

// Release gives the locks back. It does so even when ctx is done; ctx only
// bounds how long it waits for the answer. It fails with ErrLost when the locks
// were gone before, and then matches ErrForced too if somebody has taken one of them
// by force. After any other error it may be called again, and need not
// be where they are tied to the connection: then they are given back as soon as
// they were claimed. After it succeeded it does nothing and succeeds.
func (h *Held) Release(ctx context.Context) error {
	h.ask()
	if err := h.releasing.take(ctx); err != nil {
		return err
	}
	cn, err := h.connection(ctx)
	if cn == nil || err != nil {
		h.releasing.give()
		return err
	}
	done := make(chan error, 1)
	started := cn.spawn(func() {
		defer h.releasing.give()
		done <- h.release(cn)
	})
	if !started {
		defer h.releasing.give()
		return h.broken(cn.brokenError(api.LockRelease))
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", api.LockRelease, context.Cause(ctx))
	}
}

// ask notes down that h is to be released, for when its connection breaks first.
func (h *Held) ask() {
	h.client.mu.Lock()
	defer h.client.mu.Unlock()
	h.asked = true
}

// releaseAgain makes up for a release that came to nothing because the
// connection broke, on the one on which h was claimed.
func (h *Held) releaseAgain(cn *conn) {
	if !h.releasing.takeUntil(cn.broken) {
		return
	}
	defer h.releasing.give()
	if !h.released {
		_ = h.release(cn) // has nobody to tell; when cn breaks it is tried again
	}
}

// connection is where to release h, or nil when it is released.
func (h *Held) connection(ctx context.Context) (*conn, error) {
	if h.released {
		return nil, nil
	}
	if cn := h.carrier(); !h.process && cn.works() {
		return cn, nil
	}
	if h.isLost() {
		return nil, h.gone()
	}
	cn, err := h.client.registered(ctx) // which looks whether it is
	switch {
	case h.isLost():
		return nil, h.gone()
	case err != nil:
		return nil, h.broken(err)
	}
	return cn, nil
}

// gone is what the release of something lost comes to: nothing when an earlier one
// was under way.
func (h *Held) gone() error {
	if h.released = h.unsure; h.released {
		return nil
	}
	return lostError(h)
}

func (h *Held) isLost() bool {
	select {
	case <-h.lost:
		return true
	default:
		return false
	}
}

// release asks for the release and keeps what came of it.
func (h *Held) release(cn *conn) error {
	err := cn.release(names(h.locks))
	switch {
	case err == nil:
		h.released = true
		h.drop()
		return nil
	case errors.Is(err, ErrBroken), errors.Is(err, ErrClosed), errors.Is(err, ErrUnreachable):
		h.unsure = !errors.Is(err, errNotSent)
		return h.broken(err)
	case !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrDenied) && !errors.Is(err, ErrForced):
		return err
	}
	// The daemon says that they are not ours. Of several, one may have been taken by
	// force: the others must not stay held.
	if len(h.locks) > 1 {
		for _, name := range names(h.locks) {
			_ = cn.release([]api.ResourceName{name}) // err says what there is to say
		}
	}
	if h.unsure {
		h.released = true
		h.drop()
		return nil
	}
	if h.drop() {
		h.lose()
	}
	return fmt.Errorf("%w: %w", lostError(h), err)
}

// broken is the error of a release whose connection broke. When it was closed
// that is the end of the locks that are tied to it.
func (h *Held) broken(err error) error {
	if !h.process && errors.Is(err, ErrClosed) {
		return lostError(h)
	}
	return err
}

func lostError(h *Held) error {
	if len(h.locks) == 1 {
		return fmt.Errorf("release %q: %w", h.locks[0].Name, ErrLost)
	}
	return fmt.Errorf("release %d locks: %w", len(h.locks), ErrLost)
}
