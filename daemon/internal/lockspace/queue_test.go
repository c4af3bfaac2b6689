package lockspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/daemon/internal/filelock"
)

func TestWaitersComeInOrder(t *testing.T) {
	r := newRig(t)
	disk := r.name("disk")
	first := r.owner("first")
	r.take(first, r.auto("disk", Exclusive))
	var holders []Holder
	var calls []*waiting
	for i := range 10 {
		holders = append(holders, r.owner(fmt.Sprint(i)))
		calls = append(calls, r.wait(holders[i], r.auto("disk", Exclusive)))
	}
	if got := r.table.Totals().Waiters; got != 10 {
		t.Errorf("%d wait", got)
	}
	r.free(first, disk)
	for i, call := range calls {
		call.granted()
		if i+1 < len(calls) {
			calls[i+1].waits()
		}
		r.free(holders[i], disk)
	}
	if r.exists("disk") {
		t.Error("the file is still there")
	}
	r.clean()
}

func TestSharedWaitersComeTogetherUpToAnExclusiveOne(t *testing.T) {
	r := newRig(t)
	disk := r.name("disk")
	first := r.owner("first")
	r.take(first, r.auto("disk", Exclusive))
	s1, s2, x, s3 := r.owner("s1"), r.owner("s2"), r.owner("x"), r.owner("s3")
	w1, w2 := r.wait(s1, r.auto("disk", Shared)), r.wait(s2, r.auto("disk", Shared))
	wx := r.wait(x, r.auto("disk", Exclusive))
	w3 := r.wait(s3, r.auto("disk", Shared))
	r.free(first, disk)
	w1.granted()
	w2.granted()
	wx.waits()
	w3.waits()
	// A newcomer that would share has to stand behind the exclusive one too.
	busy := r.refuse(r.owner("new"), r.auto("disk", Shared))
	if len(busy.Held) > 0 || busy.Waiting == nil || busy.Waiting.Identity.Name != "x" {
		t.Errorf("refused with %+v", busy)
	}
	r.free(s1, disk)
	wx.waits()
	r.free(s2, disk)
	wx.granted()
	w3.waits()
	r.free(x, disk)
	w3.granted()
	r.free(s3, disk)
	r.clean()
}

func TestNobodyOvertakesExceptOnRequest(t *testing.T) {
	r := newRig(t)
	path := r.file("disk.img")
	alias := r.alias("disk.img", "alias.img")
	a, x, libvirt := r.owner("a"), r.owner("x"), r.owner("libvirt")
	r.take(a, direct(path, Shared))
	wx := r.wait(x, direct(path, Exclusive))
	for _, name := range []string{path, alias} {
		r.refuse(r.owner("new"), direct(name, Shared))
		must(t, func() error {
			_, err := r.table.Acquire(context.Background(), libvirt, []Request{direct(name, Shared)}, Options{Overtake: true})
			return err
		}())
		r.free(libvirt, Name{"", name})
	}
	r.free(a, Name{"", path})
	wx.granted()
	r.free(x, Name{"", path})
	r.clean()
}

// Who waits for a list lets others have the part of it that is free, and keeps
// its place where it waits.
func TestAListWaitsWhereItIsKeptOut(t *testing.T) {
	r := newRig(t)
	a, l, n := r.owner("a"), r.owner("list"), r.owner("new")
	r.take(a, r.auto("a", Exclusive))
	w := r.wait(l, r.auto("b", Exclusive), r.auto("a", Exclusive))
	wa := r.wait(n, r.auto("a", Exclusive))
	r.take(n, r.auto("b", Exclusive))
	r.free(a, r.name("a"))
	wa.granted() // the list cannot have it, because of b
	r.free(n, r.name("a"))
	w.waits()
	r.free(n, r.name("b"))
	w.granted()
	r.free(l, r.name("a"), r.name("b"))
	r.clean()
}

// Who holds one part of what somebody waits for gets the other part: or each
// would wait for the other for ever.
func TestAHolderGetsTheRestOfAWaitingList(t *testing.T) {
	r := newRig(t)
	o, l, x := r.owner("holder"), r.owner("list"), r.owner("third")
	r.take(o, r.auto("a", Exclusive))
	w := r.wait(l, r.auto("a", Exclusive), r.auto("b", Exclusive))
	r.take(x, r.auto("b", Exclusive))
	wo := r.wait(o, r.auto("b", Exclusive))
	r.free(x, r.name("b"))
	wo.granted()
	w.waits()
	r.free(o, r.name("a"), r.name("b"))
	w.granted()
	r.free(l, r.name("a"), r.name("b"))
	r.clean()
}

func TestReleaseCallsThoseWhoWaitUnderAnotherName(t *testing.T) {
	r := newRig(t)
	path := r.file("disk.img")
	alias := r.alias("disk.img", "alias.img")
	a, b, c := r.owner("a"), r.owner("b"), r.owner("c")
	r.take(a, direct(path, Exclusive))
	wb := r.wait(b, direct(alias, Exclusive))
	wc := r.wait(c, direct(path, Exclusive))
	r.free(a, Name{"", path})
	wb.granted()
	wc.waits() // it came later, though under the name that was released
	r.free(b, Name{"", alias})
	wc.granted()
	r.free(c, Name{"", path})
	r.clean()
}

func TestGivingUpCallsTheNext(t *testing.T) {
	gaveUp := errors.New("gave up")
	for what, giveUp := range map[string]func(r *rig, x Holder, w *waiting){
		"cancelled": func(r *rig, _ Holder, w *waiting) { w.cancel(gaveUp); wantErr(r.t, w.end(), gaveUp) },
		"owner gone": func(r *rig, x Holder, w *waiting) {
			r.table.End(x.Owner, OwnerExited)
			wantErr(r.t, w.end(), ErrOwnerGone)
		},
	} {
		r := newRig(t)
		a, x, s := r.owner("a"), r.owner("x"), r.owner("s")
		r.take(a, r.auto("disk", Shared))
		wx := r.wait(x, r.auto("disk", Exclusive))
		ws := r.wait(s, r.auto("disk", Shared))
		ws.waits()
		giveUp(r, x, wx)
		ws.granted()
		if got := r.table.Totals(); got.Waiters != 0 || got.Holders != 2 {
			t.Errorf("%s: totals %+v", what, got)
		}
		r.table.End(a.Owner, OwnerExited)
		r.table.End(s.Owner, OwnerExited)
		r.clean()
	}
}

func TestTimeout(t *testing.T) {
	r := newRig(t)
	a := r.owner("a")
	r.take(a, r.auto("disk", Exclusive))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	w := r.waitUntil(ctx, r.owner("b"), r.auto("other", Exclusive), r.auto("disk", Exclusive))
	busy := wantAs[*BusyError](t, w.end())
	if busy.Name != r.name("disk") || len(busy.Held) != 1 {
		t.Errorf("refused with %+v", busy)
	}
	if r.exists("other") {
		t.Error("the file of a list that was refused is there")
	}
	if got := r.table.Totals(); got.Waiters != 0 || got.Refused != 1 || got.Granted != 1 {
		t.Errorf("totals %+v", got)
	}
	r.free(a, r.name("disk"))
	r.clean()
}

// A deadline that passes while another call uses the file is a refusal too,
// with or without a place in the queue.
func TestTimeoutBehindASlowCall(t *testing.T) {
	r := newRig(t)
	path := r.file("disk")
	goOn := r.hang(path)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	_, err := r.table.Acquire(ctx, r.owner("o"), []Request{direct(path, Exclusive)}, Options{Wait: true})
	if busy := wantAs[*BusyError](t, err); busy.Name.Name != path {
		t.Errorf("%+v", busy)
	}
	goOn()
	r.clean()
}

func TestWaitForAnotherProgram(t *testing.T) {
	r := newRig(t)
	r.file("disk")
	unlock := r.foreign("disk", Exclusive)
	o, next := r.owner("o"), r.owner("next")
	w := r.wait(o, r.auto("disk", Exclusive))
	wn := r.wait(next, r.auto("disk", Exclusive))
	w.waits()
	unlock()
	w.granted()
	wn.waits()
	r.free(o, r.name("disk"))
	wn.granted()
	r.free(next, r.name("disk"))
	r.clean()
}

func TestErrorsEndTheWait(t *testing.T) {
	r := newRig(t)
	path := r.file("disk.img")
	a := r.owner("a")
	r.take(a, direct(path, Exclusive))
	w := r.wait(r.owner("b"), direct(path, Exclusive))
	must(t, os.Remove(path))
	r.free(a, Name{"", path})
	wantErr(t, w.end(), unix.ENOENT)
	r.clean()
}

// The number of a removed inode is another file's soon, on ext4 the very next
// one's. Who waited for the one must not be in the way of the other.
func TestWaitersForgetAFileThatIsNoMore(t *testing.T) {
	for what, remove := range map[string]func(r *rig, a Holder){
		"released": func(r *rig, a Holder) { r.free(a, r.name("disk")) },
		"removed before": func(r *rig, a Holder) {
			must(r.t, os.Remove(r.dir+"/disk"))
			r.free(a, r.name("disk"))
		},
	} {
		r := newRig(t)
		a, b, c := r.owner("a"), r.owner("b"), r.owner("c")
		id := r.take(a, r.auto("disk", Exclusive), r.auto("other", Exclusive))[0].File
		w := r.wait(b, r.auto("disk", Exclusive), r.auto("other", Exclusive))
		remove(r, a)
		w.waits()
		r.table.mu.Lock()
		stale := len(r.table.queue.byFile[id])
		r.table.mu.Unlock()
		if stale > 0 {
			t.Errorf("%s: %d wait for a file that is no more", what, stale)
		}
		r.take(c, r.auto("unrelated", Exclusive))
		r.free(c, r.name("unrelated"))
		r.free(a, r.name("other"))
		w.granted()
		r.free(b, r.name("disk"), r.name("other"))
		r.clean()
	}
}

// Those who only have the file in common are called when it is no more: the
// first of them must not keep the others waiting for nothing.
func TestAllWhoWaitForAFileThatIsNoMoreTryAgain(t *testing.T) {
	r := newRig(t)
	path := r.file("disk")
	a, b, c := r.owner("a"), r.owner("b"), r.owner("c")
	r.take(a, r.auto("other", Exclusive), direct(path, Exclusive))
	r.alias("disk", "alias")
	wb := r.wait(b, direct(path, Exclusive), r.auto("other", Exclusive))
	wc := r.wait(c, r.auto("alias", Exclusive))
	must(t, os.Remove(path))
	must(t, os.Remove(r.dir+"/alias"))
	r.file("disk")
	r.file("alias") // another file by now
	r.free(a, Name{"", path})
	wc.granted()
	wb.waits()
	r.free(a, r.name("other"))
	wb.granted()
	r.table.End(b.Owner, OwnerExited)
	r.table.End(c.Owner, OwnerExited)
	r.clean()
}

// A list that is refused after it made a file takes the file away again, and
// its place in that file's line too.
func TestListForgetsTheFileItTookAway(t *testing.T) {
	r := newRig(t)
	a := r.owner("a")
	r.take(a, r.auto("busy", Exclusive))
	r.alias("busy", "alias")
	w := r.wait(r.owner("b"), r.auto("new", Exclusive), r.auto("alias", Exclusive))
	r.eventually("it stands in line for one file, which is busy", func() bool {
		r.table.mu.Lock()
		defer r.table.mu.Unlock()
		return len(r.table.queue.byFile) == 1
	})
	r.eventually("the new file is gone", func() bool { return !r.exists("new") })
	w.cancel(context.Canceled)
	wantErr(t, w.end(), context.Canceled)
	r.free(a, r.name("busy"))
	r.clean()
}

// A ticket that is called by more than one line is in each line once, and a
// list that names a file under two names stands in its line until it has left.
func TestLinesOfATicket(t *testing.T) {
	q := newQueue()
	h := Holder{Owner: new(Owner)}
	one, two := Request{Name: Name{"", "/1"}, Mode: Shared}, Request{Name: Name{"", "/2"}, Mode: Shared}
	old, fresh := filelock.ID{Inode: 1}, filelock.ID{Inode: 2}
	k := q.joinLocked(h, []Request{one, two}, time.Now())
	late := q.joinLocked(h, []Request{one}, time.Now())
	q.learnLocked(late, 0, old)
	q.learnLocked(k, 0, old)
	q.learnLocked(k, 1, old)
	numbers := func(line []claim) (ns []uint64) {
		for _, c := range line {
			ns = append(ns, c.number)
		}
		return ns
	}
	if got := numbers(q.byFile[old]); !slices.Equal(got, []uint64{1, 2}) {
		t.Errorf("in line %v", got)
	}
	q.learnLocked(k, 0, fresh)
	if got := numbers(q.byFile[old]); !slices.Equal(got, []uint64{1, 2}) {
		t.Errorf("in line %v, though its second name is still of that file", got)
	}
	q.leaveLocked(k)
	q.leaveLocked(late)
	if len(q.byFile)+len(q.byName)+q.waiting+len(h.Owner.waits) != 0 {
		t.Errorf("left %+v", q)
	}
}

// A try that takes its own file away must not call itself: it would go round
// and round.
func TestForgettingAFileCallsTheOthers(t *testing.T) {
	q := newQueue()
	h, id := Holder{Owner: new(Owner)}, filelock.ID{Inode: 1}
	trying := q.joinLocked(h, []Request{{Name: Name{"", "/1"}}}, time.Now())
	other := q.joinLocked(h, []Request{{Name: Name{"", "/2"}}}, time.Now())
	q.learnLocked(trying, 0, id)
	q.learnLocked(other, 0, id)
	q.forgetLocked(id, trying)
	if len(trying.ready) != 0 || len(other.ready) != 1 || len(q.byFile) != 0 {
		t.Errorf("called %d and %d, left %v", len(trying.ready), len(other.ready), q.byFile)
	}
}
