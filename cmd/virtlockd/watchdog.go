package main

import (
	"context"
	"os"
	"strconv"
	"sync"
	"time"
)

// watch tells the service manager's watchdog that the daemon is healthy, for as
// long as it is: one that gets no word restarts the daemon. The function
// returned ends this.
func (n *notifier) watch(healthy func(context.Context) error) (stop func()) {
	period := watchdogPeriod(os.Getenv(watchdogVariable), os.Getenv(watchdogPIDVariable))
	if n == nil || period == 0 {
		return func() {}
	}
	ctx, end := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { n.keepWatch(ctx, period, healthy) })
	return func() {
		end()
		watching.Wait()
	}
}

// keepWatch looks twice a period, as sd_watchdog_enabled(3) advises, and more
// often while there is something wrong: it may pass, and there is time left.
func (n *notifier) keepWatch(ctx context.Context, period time.Duration, healthy func(context.Context) error) {
	for {
		wait := period / 2
		look, cancel := context.WithTimeout(ctx, period/4)
		switch err := healthy(look); {
		case err == nil:
			n.send("WATCHDOG=1")
		case ctx.Err() == nil:
			n.log.Error("not healthy, the watchdog is not told otherwise", "error", err)
			wait = period / 20
		}
		cancel()
		if !pause(ctx, wait) {
			return
		}
	}
}

// watchdogPeriod returns how often the watchdog wants to hear of this process,
// from the values of its variables. 0 is never.
func watchdogPeriod(microseconds, pid string) time.Duration {
	n, err := strconv.ParseInt(microseconds, 10, 64)
	if err != nil || n <= 0 || pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	return time.Duration(min(n, maxPeriod.Microseconds())) * time.Microsecond
}

// maxPeriod is as good as any longer one, and does not overflow.
const maxPeriod = 24 * time.Hour
