package lockspace

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A file that does not answer open(2) holds up who wants it, and nobody else.
func TestSlowOpenHoldsUpItsCallersOnly(t *testing.T) {
	r := newRig(t)
	slow := r.file("slow")
	goOn := r.lease("slow")
	a, b := r.owner("a"), r.owner("b")
	r.take(a, r.auto("held", Shared))
	stuck := r.start(func() error { return r.try(b, direct(slow, Exclusive)) })
	r.eventually("the call blocks", func() bool { return blocked("break_lease") })

	began := time.Now()
	r.take(a, r.auto("disk", Exclusive))
	r.refuse(b, r.auto("disk", Exclusive))
	r.take(b, r.auto("held", Shared))
	r.free(a, r.name("disk"), r.name("held"))
	r.table.Locks()
	r.table.Totals()
	r.table.Inspect(Name{"", slow})
	must(t, r.table.CreateSpace(r.dir+"/space", 0))
	r.table.End(a.Owner, OwnerExited)
	if took := time.Since(began); took > limit/10 {
		t.Errorf("others took %v", took)
	}
	select {
	case err := <-stuck:
		t.Fatalf("the slow call ended: %v", err)
	default:
	}
	goOn()
	must(t, <-stuck)
	r.table.End(b.Owner, OwnerExited)
	r.clean()
}

// blocked reports whether a thread of this process is in a call of the kernel.
func blocked(call string) bool {
	threads, _ := os.ReadDir("/proc/self/task")
	for _, th := range threads {
		at, _ := os.ReadFile("/proc/self/task/" + th.Name() + "/wchan")
		if len(at) > 0 && (string(at) == call || string(at) == "__"+call) {
			return true
		}
	}
	return false
}

// A list that waits for one file's turn keeps none of the others.
func TestAListHoldsNothingWhileItWaitsForATurn(t *testing.T) {
	r := newRig(t)
	// The list names the lower inode first and the higher one: whichever way
	// the turns are taken, one of two lists would hold the free file.
	for _, hung := range []string{"1", "2"} {
		paths := []string{r.file("1"), r.file("2")}
		a, b, c := r.owner("a"), r.owner("b"), r.owner("c")
		free := paths[0]
		if hung == "1" {
			free = paths[1]
		}
		r.take(c, direct(free, Shared))
		goOn := r.hang(r.dir + "/" + hung)
		stuck := r.start(func() error { return r.try(a, direct(paths[0], Shared), direct(paths[1], Shared)) })
		r.eventually("the list is open", func() bool { return r.descriptors() == 2 })
		r.table.End(c.Owner, OwnerExited) // releases the free one
		r.take(b, direct(free, Exclusive))
		r.free(b, Name{"", free})
		goOn()
		must(t, <-stuck)
		r.table.End(a.Owner, OwnerExited)
		r.clean()
	}
}

// A lock may be shared while another name of its file is in use.
func TestJoinDoesNotWaitForATurn(t *testing.T) {
	r := newRig(t)
	path := r.file("disk")
	a, b := r.owner("a"), r.owner("b")
	r.take(a, direct(path, Shared))
	goOn := r.hang(path)
	r.take(b, direct(path, Shared))
	r.free(b, Name{"", path})
	goOn()
	r.free(a, Name{"", path})
	r.clean()
}

// While a list waits for a turn, what it would join may be released and taken
// again, by then another file.
func TestJoinedNameBecomesAnotherFile(t *testing.T) {
	r := newRig(t)
	slow := r.file("slow")
	a, b := r.owner("a"), r.owner("b")
	r.take(a, r.auto("disk", Shared))
	goOn := r.hang(slow)
	list := r.start(func() error { return r.try(b, r.auto("disk", Shared), direct(slow, Exclusive)) })
	r.eventually("the list is open", func() bool { return r.descriptors() == 2 })
	must(t, os.Rename(r.dir+"/disk", r.dir+"/old"))
	r.free(a, r.name("disk"))
	r.take(a, r.auto("disk", Exclusive))
	goOn()
	busy := wantAs[*BusyError](t, <-list)
	if busy.Name != r.name("disk") || busy.Held[0].Mode != Exclusive {
		t.Errorf("refused with %+v", busy)
	}
	r.free(a, r.name("disk"))
	r.clean()
}

func TestManyCallersBehindASlowFile(t *testing.T) {
	r := newRig(t)
	path := r.file("slow")
	goOn := r.hang(path)
	const callers = 500
	errs := make(chan error, callers)
	owners := make([]Holder, callers)
	for i := range callers {
		owners[i] = r.owner(fmt.Sprint(i))
		go func() {
			_, err := r.table.Acquire(context.Background(), owners[i], []Request{direct(path, Exclusive)}, Options{})
			errs <- err
		}()
	}
	r.eventually("all have opened the file", func() bool { return r.descriptors() == callers })
	began := time.Now()
	goOn()
	granted := 0
	for range callers {
		if err := <-errs; err == nil {
			granted++
		} else {
			wantAs[*BusyError](t, err)
		}
	}
	t.Logf("%d callers took %v", callers, time.Since(began))
	if granted != 1 {
		t.Errorf("%d were granted", granted)
	}
	for _, h := range owners {
		r.table.End(h.Owner, OwnerExited)
	}
	r.wantKernel("slow", unix.F_UNLCK)
	r.clean()
}
