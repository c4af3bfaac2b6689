package lockspace

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

// A turn is for a file. When a name comes to mean another file after the first
// one was locked, and somebody else locks that, the first is not granted beside.
func TestAFileReplacedBeforeTheGrant(t *testing.T) {
	r := newRig(t)
	img, newer := r.file("img"), r.file("newer")
	first, second := r.owner("first"), r.owner("second")
	a := attempt{table: r.table, holder: first}
	a.targets, a.turns = append(a.targetRoom[:0], target{Request: direct(img, Exclusive)}), a.turnRoom[:0]
	must(t, a.look())
	must(t, a.openFiles())
	must(t, a.takeTurns(context.Background()))
	must(t, a.check())
	must(t, a.lockFiles())
	must(t, os.Rename(newer, img))
	r.take(second, direct(img, Exclusive))
	wantErr(t, a.commit(), errMoved)
	a.finish()
	if locks := r.table.Locks(); len(locks) != 1 || len(locks[0].Holders) != 1 {
		t.Errorf("held is %+v", locks)
	}
	r.free(second, Name{"", img})
	r.clean()
}

// Who asks for a name that is held shared, but means another file by now, would
// get a file that nobody has locked.
func TestASharedLockIsNotJoinedThroughAReplacedName(t *testing.T) {
	r := newRig(t)
	current := filepath.Join(r.dir, "current")
	link := func(to string) {
		t.Helper()
		os.Remove(current)
		must(t, os.Symlink(to, current))
	}
	a, b := r.file("a.img"), r.file("b.img")
	one, two, three := r.owner("one"), r.owner("two"), r.owner("three")
	link(a)
	r.take(one, direct(current, Shared))
	link(b)
	r.refuse(two, direct(current, Shared))
	r.take(three, direct(b, Exclusive))
	link(a)
	r.take(two, direct(current, Shared))
	r.free(one, Name{"", current})
	r.free(two, Name{"", current})
	r.free(three, Name{"", b})
	r.clean()
}

// A call that gets nothing takes nothing away either.
func TestARefusedListLeavesWhatWasThere(t *testing.T) {
	r := newRig(t)
	must(t, r.table.CreateResource(r.name("before")))
	r.file("held")
	one, two := r.owner("one"), r.owner("two")
	r.take(one, direct(filepath.Join(r.dir, "held"), Exclusive))
	alias := r.alias("held", "alias")
	r.refuse(two, r.auto("before", Exclusive), r.auto("made", Exclusive), direct(alias, Exclusive))
	if !r.exists("before") || r.exists("made") {
		t.Errorf("before is there: %v, made is there: %v", r.exists("before"), r.exists("made"))
	}
	r.free(one, Name{"", filepath.Join(r.dir, "held")})
	r.clean()
}

// A file may have thousands of holders; who meets it is told of some.
func TestSnapshotsOfManyHolders(t *testing.T) {
	r := newRig(t)
	path := r.file("disk.img")
	o := r.owner("o")
	for range 100 {
		if got := r.take(o, direct(path, Shared)); len(got) != 1 || len(got[0].Holders) != 1 {
			t.Fatalf("granted %+v", got)
		}
	}
	busy := r.refuse(r.owner("late"), direct(path, Exclusive))
	if l := busy.Held[0]; len(l.Holders) != someHolders || l.More != 100-someHolders {
		t.Errorf("refused because of %d holders and %d more", len(l.Holders), l.More)
	}
	if l := r.table.Locks(); len(l[0].Holders) != 100 {
		t.Errorf("listed with %d holders", len(l[0].Holders))
	}
	r.table.End(o.Owner, OwnerExited)
	r.clean()
}
