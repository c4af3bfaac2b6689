package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"
)

// watch tells the service manager's watchdog that the daemon is healthy, for as
// long as it is: one that gets no word restarts the daemon. The function
// returned ends this.
func (n *notifier) watch(healthy func(context.Context) error) (stop func()) {
	period := watchdogPeriod()
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

// setWatchdog changes how often a watchdog that was asked for wants to hear of this
// process. 0 is never.
func (n *notifier) setWatchdog(period time.Duration) error {
	if n == nil || watchdogPeriod() == 0 {
		return nil
	}
	return sendDatagram(n.socket, fmt.Sprintf("%s=%d", watchdogVariable, period.Microseconds()))
}

// watchdogPeriod returns how often the watchdog was to hear of this process when it
// was started. 0 is never.
func watchdogPeriod() time.Duration {
	return parseWatchdog(os.Getenv(watchdogVariable), os.Getenv(watchdogPIDVariable))
}

func parseWatchdog(microseconds, pid string) time.Duration {
	n, err := strconv.ParseInt(microseconds, 10, 64)
	if err != nil || n <= 0 || pid != "" && pid != strconv.Itoa(os.Getpid()) {
		return 0
	}
	return time.Duration(min(n, maxPeriod.Microseconds())) * time.Microsecond
}

// maxPeriod is as good as any longer one, and does not overflow.
const maxPeriod = 24 * time.Hour
