package daemon

import (
	"context"
	"sync/atomic"
	"time"
)

// idle watches for the time in which nobody needs the daemon.
type idle struct {
	timeout atomic.Int64  // a time.Duration; 0: nothing ends the daemon
	changed chan struct{} // has room for one; filled when a client or a lock came or went, or the timeout changed
}

func newIdle(timeout time.Duration) *idle {
	i := &idle{changed: make(chan struct{}, 1)}
	i.setTimeout(timeout)
	return i
}

// setTimeout changes the timeout. What there was of idleness counts no more.
func (i *idle) setTimeout(timeout time.Duration) {
	i.timeout.Store(int64(timeout))
	i.touch()
}

// touch says that a client or a lock came or went.
func (i *idle) touch() {
	select {
	case i.changed <- struct{}{}:
	default: // there is news already
	}
}

// wait reports whether isIdle held for the whole timeout, or else false when
// ctx has ended.
func (i *idle) wait(ctx context.Context, isIdle func() bool) bool {
	for {
		timeout := time.Duration(i.timeout.Load())
		var timer <-chan time.Time
		if timeout > 0 && isIdle() {
			timer = time.After(timeout)
		}
		select {
		case <-timer:
			if isIdle() && timeout == time.Duration(i.timeout.Load()) {
				return true
			}
		case <-i.changed:
		case <-ctx.Done():
			return false
		}
	}
}
