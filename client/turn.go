package client

import (
	"context"
	"fmt"
	"sync"
)

// turn is a mutex for work that waits for the daemon: who waits for it stops
// when its context is done. The zero value is free.
type turn struct {
	once  sync.Once
	token chan struct{} // holds one value while the turn is taken
}

func (t *turn) tokens() chan struct{} {
	t.once.Do(func() { t.token = make(chan struct{}, 1) })
	return t.token
}

// take waits for the turn. It is taken even with a context that is done when
// nobody else has it.
func (t *turn) take(ctx context.Context) error {
	select {
	case t.tokens() <- struct{}{}:
		return nil
	default:
	}
	select {
	case t.tokens() <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for another call: %w", context.Cause(ctx))
	}
}

// takeUntil waits for the turn until a channel is closed, and reports whether it
// has it.
func (t *turn) takeUntil(end <-chan struct{}) bool {
	select {
	case t.tokens() <- struct{}{}:
		return true
	case <-end:
		return false
	}
}

func (t *turn) give() { <-t.tokens() }
