package lockspace

import (
	"context"
	"testing"

	"golang.org/x/sys/unix"
)

func (r *rig) holdsOn(name string) []HeldBy {
	r.t.Helper()
	holds, err := r.table.HoldsOn(r.name(name))
	must(r.t, err)
	return holds
}

// What is taken away is free for who waits, in the kernel too, and the file that was
// made for it is gone, as after any other release.
func TestForce(t *testing.T) {
	r := newRig(t)
	a, b := r.owner("a"), r.owner("b")
	r.take(a, r.auto("disk", Exclusive))
	w := r.wait(b, r.auto("disk", Exclusive))
	holds := r.holdsOn("disk")
	if len(holds) != 1 || holds[0].Waiters != 1 || holds[0].Holder != a || len(holds[0].Holders) != 1 {
		t.Fatalf("holds %+v", holds)
	}
	must(t, r.table.Force(context.Background(), holds, 9)[0])
	w.granted()
	if c := r.changes[3]; c.Kind != Released || c.Reason != Forced || c.By != 9 || c.Holder != a {
		t.Errorf("change %+v", c)
	}
	wantAs[*NotHolderError](t, func() error { _, err := r.table.Release(t.Context(), a, []Name{r.name("disk")}); return err }())
	// What was found is another's by now.
	wantAs[*NotLockedError](t, r.table.Force(context.Background(), holds, 9)[0])
	r.wantKernel("disk", unix.F_WRLCK)
	r.free(b, r.name("disk"))
	if r.exists("disk") {
		t.Error("the file that was made for the lock is left")
	}
	r.clean()
}

// Of a lock that several share one hold is taken away, and only that.
func TestForceOneOfSeveral(t *testing.T) {
	r := newRig(t)
	a, b := r.owner("a"), r.owner("b")
	for _, h := range []Holder{a, b, a} {
		r.take(h, r.auto("disk", Shared))
	}
	r.take(a, r.auto("other", Shared))
	if n := len(r.table.HoldsOf(a.Identity.PID)); n != 4 { // all owners of the rig are one process
		t.Errorf("%d holds of the process", n)
	}
	holds := r.holdsOn("disk")
	for _, err := range r.table.Force(context.Background(), []HeldBy{holds[0], holds[2]}, 9) {
		must(t, err)
	}
	if left := r.holdsOn("disk"); len(left) != 1 || left[0].Holder != b {
		t.Errorf("left %+v", left)
	}
	r.free(b, r.name("disk"))
	r.free(a, r.name("other"))
	r.clean()
}

// A file that another call hangs at keeps its lock, for as long as who asks wants to
// wait.
func TestForceOfFileThatHangs(t *testing.T) {
	r := newRig(t)
	a := r.owner("a")
	r.take(a, r.auto("disk", Exclusive))
	goOn := r.hang(r.name("disk").Path())
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	wantErr(t, r.table.Force(ctx, r.holdsOn("disk"), 9)[0], context.Canceled)
	if n := r.table.Totals().Holders; n != 1 {
		t.Errorf("%d holders", n)
	}
	goOn()
	must(t, r.table.Force(context.Background(), r.holdsOn("disk"), 9)[0])
	r.clean()
}
