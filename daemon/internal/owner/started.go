package owner

import (
	"time"

	"golang.org/x/sys/unix"
)

// ticks is how many clock ticks there are in a second: USER_HZ, time(7), which has
// this value on all that Linux runs on but alpha.
const ticks = 100

// Started is when a process with that start time started, as exactly as that tells;
// the zero time for a start time of 0.
func Started(startTime uint64) time.Time {
	var boot unix.Timespec
	if startTime == 0 || unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot) != nil {
		return time.Time{}
	}
	started := time.Duration(startTime) * (time.Second / ticks)
	return time.Now().Add(started - time.Duration(boot.Nano())).UTC().Truncate(time.Second / ticks)
}
