package lockspace

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReleaseRules(t *testing.T) {
	r := newRig(t)
	a, b := r.owner("a"), r.owner("b")
	release := func(h Holder, names ...string) error {
		full := make([]Name, len(names))
		for i, n := range names {
			full[i] = r.name(n)
		}
		_, err := r.table.Release(context.Background(), h, full)
		return err
	}
	r.take(a, r.auto("mine", Exclusive), r.auto("both", Shared))
	r.take(b, r.auto("both", Shared), r.auto("theirs", Exclusive))

	for _, list := range [][]string{{"nothing"}, {"mine", "nothing"}, {"mine", "mine"}, {"both", "both"}} {
		if e := wantAs[*NotLockedError](t, release(a, list...)); e.Name != r.name(list[len(list)-1]) {
			t.Errorf("%v: %v", list, e)
		}
	}
	for _, list := range [][]string{{"theirs"}, {"mine", "theirs"}} {
		if e := wantAs[*NotHolderError](t, release(a, list...)); len(e.Held) != 1 || e.Held[0].Holders[0].Identity != b.Identity {
			t.Errorf("%v: %+v", list, e)
		}
	}
	_, err := r.table.Release(context.Background(), a, []Name{r.name("mine"), {"/nowhere", "x"}})
	wantAs[*NoSpaceError](t, err)
	if got := r.table.Totals(); got.Holders != 4 || got.Released != 0 {
		t.Errorf("a release that failed left %+v", got)
	}

	left := r.free(a, r.name("both"), r.name("mine"))
	if len(left[0].Holders) != 1 || left[0].Holders[0].Identity != b.Identity || len(left[1].Holders) != 0 {
		t.Errorf("left %+v", left)
	}
	r.wantKernel("both", unix.F_RDLCK)
	if r.exists("mine") || r.table.Holds(a.Owner) || !r.table.Holds(b.Owner) {
		t.Error("the wrong locks are held")
	}
	must(t, release(b, "theirs", "both"))
	r.clean()
}

// Two calls that name one Owner are one owner, whatever they call themselves;
// the same name with another Owner is not.
func TestOwnersAreNotTheirNames(t *testing.T) {
	r := newRig(t)
	a, same := r.owner("name"), r.owner("name")
	renamed := Holder{Owner: a.Owner, Identity: &Identity{Name: "other"}, Client: 2}
	r.take(a, r.auto("disk", Shared))
	r.take(renamed, r.auto("disk", Shared))
	_, err := r.table.Release(context.Background(), same, []Name{r.name("disk")})
	wantAs[*NotHolderError](t, err)
	left := r.free(a, r.name("disk")) // the latest hold goes first
	if len(left[0].Holders) != 1 || left[0].Holders[0].Identity != a.Identity {
		t.Errorf("left %+v", left)
	}
	r.free(renamed, r.name("disk"))
	r.clean()
}

func TestReleaseWaitsForTheFileAndCanBeCancelled(t *testing.T) {
	r := newRig(t)
	a := r.owner("a")
	r.take(a, r.auto("disk", Exclusive))
	goOn := r.hang(r.dir + "/disk")
	ctx, cancel := context.WithCancel(context.Background())
	done := r.start(func() error { _, err := r.table.Release(ctx, a, []Name{r.name("disk")}); return err })
	cancel()
	wantErr(t, <-done, context.Canceled)
	if got := r.table.Totals(); got.Holders != 1 {
		t.Errorf("%+v", got)
	}
	done = r.start(func() error {
		_, err := r.table.Release(context.Background(), a, []Name{r.name("disk")})
		return err
	})
	goOn()
	must(t, <-done)
	r.clean()
}

// Only the first of two releases of one hold gets it.
func TestReleaseTwiceAtOnce(t *testing.T) {
	for range 50 {
		r := newRig(t)
		a := r.owner("a")
		r.take(a, r.auto("disk", Exclusive))
		release := func() error {
			_, err := r.table.Release(context.Background(), a, []Name{r.name("disk")})
			return err
		}
		x, y := r.start(release), r.start(release)
		errs := []error{<-x, <-y}
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("released with %v", errs)
		}
		r.clean()
	}
}

func TestEnd(t *testing.T) {
	r := newRig(t)
	a, b := r.owner("a"), r.owner("b")
	path := r.file("direct.img")
	alias := r.alias("direct.img", "alias.img")
	r.take(a, r.auto("exclusive", Exclusive), r.auto("twice", Shared), r.auto("shared", Shared),
		direct(path, Shared), direct(alias, Shared))
	r.take(a, r.auto("twice", Shared))
	r.take(b, r.auto("shared", Shared))
	w := r.wait(b, r.auto("exclusive", Exclusive))
	r.table.End(a.Owner, OwnerExited)
	w.granted()
	if r.table.Holds(a.Owner) || r.exists("twice") {
		t.Error("something is left")
	}
	for _, name := range []string{"direct.img", "shared"} {
		r.wantKernel(name, map[string]int16{"direct.img": unix.F_UNLCK, "shared": unix.F_RDLCK}[name])
	}
	wantErr(t, r.try(a, r.auto("new", Exclusive)), ErrOwnerGone)
	wantErr(t, r.try(a, r.auto("shared", Shared)), ErrOwnerGone)
	if r.exists("new") {
		t.Error("an owner that is gone made a file")
	}
	r.table.End(a.Owner, OwnerExited) // again, for nothing
	r.table.End(b.Owner, ConnectionClosed)

	var reasons []string
	for _, c := range r.changes {
		if c.Kind == Released {
			reasons = append(reasons, fmt.Sprint(c.Holder.Identity.Name, c.Reason))
		}
	}
	slices.Sort(reasons)
	if want := []string{"a1", "a1", "a1", "a1", "a1", "a1", "b2", "b2"}; !slices.Equal(reasons, want) {
		t.Errorf("released %v, not %v", reasons, want)
	}
	r.clean()
}

// An owner may end while a call of its is between the kernel's lock and the
// table.
func TestEndWhileAnAcquireIsInFlight(t *testing.T) {
	r := newRig(t)
	a := r.owner("a")
	path := r.file("disk")
	goOn := r.hang(path)
	done := r.start(func() error { return r.try(a, direct(path, Exclusive), r.auto("new", Exclusive)) })
	r.eventually("the files are open", func() bool { return r.descriptors() == 2 })
	r.table.End(a.Owner, OwnerExited)
	goOn()
	wantErr(t, <-done, ErrOwnerGone)
	if r.exists("new") || r.descriptors() != 0 {
		t.Error("something is left")
	}
	r.wantKernel("disk", unix.F_UNLCK)
	r.clean()
}

func TestChanges(t *testing.T) {
	r := newRig(t)
	a, b := r.owner("a"), r.owner("b")
	r.take(a, r.auto("disk", Exclusive))
	r.refuse(b, r.auto("disk", Shared))
	w := r.wait(b, r.auto("disk", Shared))
	r.free(a, r.name("disk"))
	w.granted()
	r.table.End(b.Owner, ConnectionClosed)
	want := []Change{
		{Kind: SpaceCreated, Name: Name{Space: r.dir}},
		{Kind: Acquired, Holder: a, Mode: Exclusive, By: 1},
		{Kind: Refused, Holder: b, By: 1},
		{Kind: Waiting, Holder: b, By: 1},
		{Kind: Released, Holder: a, Mode: Exclusive, Reason: Asked, By: 1},
		{Kind: Acquired, Holder: b, Mode: Shared, By: 1},
		{Kind: Released, Holder: b, Mode: Shared, Reason: ConnectionClosed},
	}
	if len(r.changes) != len(want) {
		t.Fatalf("changes %+v", r.changes)
	}
	for i, c := range r.changes {
		if i > 0 {
			want[i].Name = r.name("disk")
		}
		if (c.Busy != nil) != (c.Kind == Refused || c.Kind == Waiting) {
			t.Errorf("change %d says busy: %v", i, c.Busy)
		}
		c.Busy = nil
		if c != want[i] {
			t.Errorf("change %d is %+v, not %+v", i, c, want[i])
		}
	}
	r.clean()
}
