package daemon

import "time"

// timeOf is a time of package handover; the zero time for 0.
func timeOf(nanoseconds int64) time.Time {
	if nanoseconds == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanoseconds).UTC()
}

// nanoseconds gives the time of something that is to come; 0 for the zero time. Should
// the clock have been set since it was fixed, it is as far away as it was before.
func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	now := time.Now()
	return now.Add(t.Sub(now)).UnixNano()
}

// fromNanoseconds gives a time that does not move when the clock is set.
func fromNanoseconds(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	now := time.Now()
	return now.Add(time.Unix(0, n).Sub(now))
}
