package reexec

import (
	"encoding/json"
	"testing"

	"virtlock/client/api"
	"virtlock/test/bed"
)

// TestEventsGoOn reads slowly: some events wait in the socket, some with the
// daemon, and some are lost. None is told twice, and each gap is told.
func TestEventsGoOn(t *testing.T) {
	t.Parallel()
	r := start(t)
	watch := r.lines()
	var subscribed api.SubscribeResult
	decode(t, watch.must(1, api.EventSubscribe, api.SubscribeParams{}), &subscribed)
	quick := r.lines()
	quick.must(1, api.EventSubscribe, api.SubscribeParams{Types: []string{"daemon.*"}})
	disk := bed.Direct(r.image())
	owner := r.Owner("owner", r.guest().PID())
	for i := range 4 {
		for range 700 {
			owner.MustAcquire(disk)
			owner.MustRelease(disk)
		}
		r.reexec()
		if e := quick.next().Params; e.Type != api.EventDaemonReexecuted {
			t.Errorf("re-exec %d made %+v", i, e)
		}
	}
	last, lost := subscribed.Seq, uint64(0)
	for last < subscribed.Seq+4*1400 {
		e := watch.next().Params
		last += max(e.Lost, 1)
		if e.Seq != last {
			t.Fatalf("event %+v instead of %d", e, last)
		}
		lost += e.Lost
	}
	if lost == 0 {
		t.Error("no event was lost: the test does not test that")
	}
	owner.MustAcquire(disk)
	for e := watch.next().Params; e.Type != api.EventLockAcquired || e.Seq < subscribed.Seq+4*1400; e = watch.next().Params {
		if last += max(e.Lost, 1); e.Seq != last {
			t.Fatalf("event %+v instead of %d", e, last)
		}
	}
}

func decode(t *testing.T, l line, into any) {
	t.Helper()
	check(t, json.Unmarshal(l.Result, into))
}
