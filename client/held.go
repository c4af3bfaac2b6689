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
	conn    *conn // that took it
	process bool  // tied to the process, not to conn
	locks   []api.Lock
	since   []time.Time // of our holds, by index of locks
	lost    chan struct{}

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
	for i, lock := range locks {
		for _, holder := range lock.Holders {
			if holder.Client == us.Client {
				h.since[i] = holder.Since // the last one is the newest
			}
		}
	}
	if !h.keep() {
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
	h.conn.mu.Lock()
	defer h.conn.mu.Unlock()
	if h.conn.held == nil {
		return false
	}
	h.conn.held[h] = struct{}{}
	return true
}

// drop undoes keep. It reports false when h was lost meanwhile.
func (h *Held) drop() bool {
	kept, mu := &h.conn.held, &h.conn.mu
	if h.process {
		kept, mu = &h.client.held, &h.client.mu
	}
	mu.Lock()
	defer mu.Unlock()
	_, ok := (*kept)[h]
	delete(*kept, h)
	return ok
}

// lose says that the locks are gone. It is called once, after h was dropped.
func (h *Held) lose() { close(h.lost) }

// Locks returns what is held, in the order asked for, as it was when it was
// granted.
func (h *Held) Locks() []api.Lock { return h.locks }

// Lost returns a channel that is closed when the locks are gone though Release
// did not give them back: when the connection they are tied to broke or was
// closed. Locks that are tied to the process are looked after when the client
// connects again, with its next call.
func (h *Held) Lost() <-chan struct{} { return h.lost }

// Release gives the locks back. It does so even when ctx is done; ctx only
// bounds how long it waits for the answer. It fails with ErrLost when the locks
// were gone before. After any other error it may be called again; after it
// succeeded it does nothing and succeeds.
func (h *Held) Release(ctx context.Context) error {
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

// connection is where to release h, or nil when it is released.
func (h *Held) connection(ctx context.Context) (*conn, error) {
	if h.released {
		return nil, nil
	}
	if !h.process {
		return h.conn, nil
	}
	cn, err := h.client.registered(ctx) // which looks whether h is lost
	select {
	case <-h.lost:
		if h.released = h.unsure; h.released {
			return nil, nil // by the earlier release
		}
		return nil, lostError(h)
	default:
		return cn, err
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
	case !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrDenied):
		return err
	}
	// The daemon says that they are not ours.
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

// broken is the error of a release whose connection broke: the end of locks
// that are tied to it.
func (h *Held) broken(err error) error {
	if h.process {
		return err
	}
	return lostError(h)
}

func lostError(h *Held) error {
	if len(h.locks) == 1 {
		return fmt.Errorf("release %q: %w", h.locks[0].Name, ErrLost)
	}
	return fmt.Errorf("release %d locks: %w", len(h.locks), ErrLost)
}
