package daemon

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// watch lets a fake clock run and gives when wait told that the daemon is idle;
// 0 if it did not within an hour.
func watch(t *testing.T, i *idle, isIdle func() bool, meanwhile func()) (after time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	start := time.Now()
	done := make(chan bool)
	go func() { done <- i.wait(ctx, isIdle) }()
	meanwhile()
	if <-done {
		return time.Since(start)
	}
	return 0
}

func TestIdle(t *testing.T) {
	always := func() bool { return true }
	for name, c := range map[string]struct {
		timeout   time.Duration
		isIdle    func() bool
		meanwhile func(*idle)
		want      time.Duration
	}{
		"fires":        {time.Second, always, func(*idle) {}, time.Second},
		"off":          {0, always, func(*idle) {}, 0},
		"in use":       {time.Second, func() bool { return false }, func(*idle) {}, 0},
		"set at run":   {0, always, func(i *idle) { time.Sleep(time.Minute); i.setTimeout(time.Second) }, time.Minute + time.Second},
		"made longer":  {time.Minute, always, func(i *idle) { time.Sleep(time.Second); i.setTimeout(2 * time.Minute) }, 2*time.Minute + time.Second},
		"made shorter": {time.Minute, always, func(i *idle) { time.Sleep(time.Second); i.setTimeout(time.Second) }, 2 * time.Second},
		"switched off": {time.Minute, always, func(i *idle) { time.Sleep(time.Second); i.setTimeout(0) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIdle(c.timeout)
				if got := watch(t, i, c.isIdle, func() { c.meanwhile(i) }); got != c.want {
					t.Errorf("got %v, want %v", got, c.want)
				}
			})
		})
	}
}

// TestIdleStartsWhenTheLastLeaves demands that time in use counts as none.
func TestIdleStartsWhenTheLastLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIdle(time.Minute)
		var empty atomic.Bool
		got := watch(t, i, empty.Load, func() {
			time.Sleep(10 * time.Minute)
			empty.Store(true)
			i.touch()
			time.Sleep(30 * time.Second)
			i.setTimeout(time.Minute)
		})
		if want := 11*time.Minute + 30*time.Second; got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}
