package daemon

import (
	"context"
	"time"
)

// idle watches for the time in which nobody needs the daemon.
type idle struct {
	timeout time.Duration // 0: nothing ends the daemon
	changed chan struct{} // has room for one; filled when a client or a lock came or went
}

func newIdle(timeout time.Duration) *idle {
	return &idle{timeout: timeout, changed: make(chan struct{}, 1)}
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
	if i.timeout == 0 {
		<-ctx.Done()
		return false
	}
	for {
		var timer <-chan time.Time
		if isIdle() {
			timer = time.After(i.timeout)
		}
		select {
		case <-timer:
			if isIdle() {
				return true
			}
		case <-i.changed:
		case <-ctx.Done():
			return false
		}
	}
}
