package reexec

import (
	"encoding/json"
	"testing"
	"time"

	"virtlock/client/api"
	"virtlock/test/bed"
)

// TestWaitersKeepTheirPlace lets ten calls wait on as many connections, and one
// more connection with two of them.
func TestWaitersKeepTheirPlace(t *testing.T) {
	t.Parallel()
	r := start(t)
	disk := r.image()
	holder := r.Owner("holder", r.guest().PID())
	holder.MustAcquire(bed.Direct(disk))
	waiters := make([]*lines, 10)
	for i := range waiters {
		waiters[i] = r.lines()
		waiters[i].owner("waiter", r.guest().PID())
		waiters[i].send(100+i, api.LockAcquire, acquireParams(disk, time.Hour))
		bed.Eventually(t, "the call waits", func() bool { return r.status().Waiters == i+1 })
	}
	watch := r.lines()
	watch.must(1, api.EventSubscribe, api.SubscribeParams{Types: []string{"lock.*"}})
	before := r.inspect(disk)
	for range 3 {
		r.reexec()
	}
	if after := r.inspect(disk); string(after) != string(before) {
		t.Errorf("before\n%s\nafter\n%s", before, after)
	}
	holder.MustRelease(bed.Direct(disk))
	for i, w := range waiters {
		w.answer(100 + i)
		r.reexec()
		w.must(200+i, api.LockRelease, api.ReleaseParams{Resources: []api.ResourceName{{Name: disk}}})
	}
	// Nobody is told of a wait again.
	for i := range 1 + 2*len(waiters) {
		want := api.EventLockReleased
		if i%2 == 1 {
			want = api.EventLockAcquired
		}
		if e := watch.next().Params; e.Type != want {
			t.Errorf("event %d is %+v instead of %s", i, e, want)
		}
	}
	if s := r.status(); s.Granted != 11 || s.Released != 11 || s.Refused != 0 || s.Waiters != 0 {
		t.Errorf("%+v", s)
	}
}

func (r *rig) inspect(disk string) []byte {
	r.t.Helper()
	var result api.InspectResult
	r.control.Must(api.LockInspect, api.ResourceName{Name: disk}, &result)
	b, _ := json.Marshal(result)
	return b
}

// TestDeadlinesStay has calls whose time passes before, during and after a re-exec.
// Each is answered once, and at its time.
func TestDeadlinesStay(t *testing.T) {
	t.Parallel()
	r := start(t)
	disk := r.image()
	r.Owner("holder", r.guest().PID()).MustAcquire(bed.Direct(disk))
	waiter := r.lines()
	waiter.owner("waiter", r.guest().PID())
	begin := time.Now()
	const calls = 20
	for i := range calls {
		waiter.send(i+1, api.LockAcquire, acquireParams(disk, time.Duration(i+1)*100*time.Millisecond))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 4 {
			r.reexec()
		}
	}()
	for i := range calls {
		read := waiter.next()
		if read.ID != i+1 || read.Error == nil || read.Error.Data.Code != api.CodeBusy {
			t.Errorf("%+v instead of the answer to call %d", read, i+1)
		}
		late := time.Since(begin) - time.Duration(i+1)*100*time.Millisecond
		if late < -10*time.Millisecond || late > 2*time.Second {
			t.Errorf("call %d was answered %v late", i+1, late)
		}
	}
	<-done
	waiter.must(99, api.LockspaceList, api.Empty{}) // nothing else came
}
