package daemon

import (
	"testing"
	"time"
	"unsafe"
)

// What is to happen in a minute happens in a minute, over a re-exec as well, though
// somebody sets the clock in between.
func TestTimesToComeOutliveAChangeOfTheClock(t *testing.T) {
	for _, by := range []time.Duration{-time.Hour, 0, time.Hour} {
		deadline := clockSet(time.Now().Add(time.Minute), -by)
		exported := waitOf{new(conn), &wait{deadline: deadline}}.export()
		again := fromNanoseconds(exported.Deadline)
		if left := time.Until(again); left <= 0 || left > time.Minute {
			t.Errorf("the clock was set by %v, and %v are left of a minute", by, left)
		}
		// What was restored does not move with the clock either.
		if left := time.Until(fromNanoseconds(nanoseconds(clockSet(again, -by)))); left <= 0 || left > time.Minute {
			t.Errorf("the clock was set by %v again, and %v are left of a minute", by, left)
		}
	}
	if n := nanoseconds(time.Time{}); n != 0 {
		t.Errorf("no time is %d", n)
	}
}

// clockSet is a time whose wall clock is off against the one of today, which was set.
func clockSet(t time.Time, off time.Duration) time.Time {
	// Of a time with a monotonic reading this is a bit, 33 bits of seconds, and
	// 30 bits of nanoseconds.
	wall := (*uint64)(unsafe.Pointer(&t))
	*wall += uint64(off/time.Second) << 30
	return t
}
