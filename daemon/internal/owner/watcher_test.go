package owner

import (
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// soon is within which the exit of an owner has to be seen.
const soon = 200 * time.Millisecond

func newWatcher(t *testing.T) *Watcher {
	t.Helper()
	before := watchers()
	w, err := NewWatcher()
	must(t, err)
	t.Cleanup(func() {
		w.Close()
		// Not exactly: that of an earlier test may have been on its last step.
		eventually(t, "its goroutine is gone", func() bool { return watchers() <= before })
	})
	return w
}

// watchExit watches a process and gives what is sent when it has exited.
func watchExit(t *testing.T, w *Watcher, p *Process) chan time.Time {
	t.Helper()
	exited := make(chan time.Time, 2)
	must(t, w.Watch(p, func() { exited <- time.Now() }))
	return exited
}

func seen(t *testing.T, exited chan time.Time) time.Time {
	t.Helper()
	select {
	case at := <-exited:
		return at
	case <-time.After(limit):
		t.Fatal("the exit was not seen")
		return time.Time{}
	}
}

// quiet fails if an exit was told of. It first lets another one through, which
// came later.
func quiet(t *testing.T, w *Watcher, exited chan time.Time) {
	t.Helper()
	other := start(t)
	p := other.find()
	defer p.Close()
	told := watchExit(t, w, p)
	other.kill()
	seen(t, told)
	if len(exited) > 0 {
		t.Fatal("an exit was told of")
	}
}

func TestExitIsSeenSoon(t *testing.T) {
	w := newWatcher(t)
	c := start(t)
	p := c.find()
	defer p.Close()
	exited := watchExit(t, w, p)
	quiet(t, w, exited)
	killed := time.Now()
	c.kill() // nobody waits for it: a zombie
	if took := seen(t, exited).Sub(killed); took > soon {
		t.Errorf("took %v", took)
	}
	c.reap()
	quiet(t, w, exited) // once only
	if w.Forget(p) {
		t.Error("forgot what was told already")
	}
}

func TestWatchTheDead(t *testing.T) {
	w := newWatcher(t)
	c := start(t)
	p := c.find()
	defer p.Close()
	c.kill()
	eventually(t, "it has exited", p.Exited)
	seen(t, watchExit(t, w, p)) // a zombie
	c = start(t)
	gone := c.find()
	defer gone.Close()
	c.kill()
	c.reap() // not even a zombie any more
	seen(t, watchExit(t, w, gone))
}

func TestManyExitAtOnce(t *testing.T) {
	w := newWatcher(t)
	const children = 20
	var told [children]chan time.Time
	var all []*child
	for i := range children {
		c := start(t)
		p := c.find()
		defer p.Close()
		told[i] = watchExit(t, w, p)
		all = append(all, c)
	}
	killed := time.Now()
	for _, c := range all {
		c.kill()
	}
	for i := range told {
		if took := seen(t, told[i]).Sub(killed); took > soon {
			t.Errorf("child %d took %v", i, took)
		}
	}
}

// More processes than are told of at a time: one process many times.
func TestMoreExitsThanFitIntoOneLook(t *testing.T) {
	w := newWatcher(t)
	c := start(t)
	const watches = 1000
	var told atomic.Int32
	for range watches {
		p := c.find()
		defer p.Close()
		must(t, w.Watch(p, func() { told.Add(1) }))
	}
	c.kill()
	eventually(t, "all are told", func() bool { return told.Load() == watches })
}

func TestForget(t *testing.T) {
	w := newWatcher(t)
	c := start(t)
	p := c.find()
	exited := watchExit(t, w, p)
	if !w.Forget(p) {
		t.Error("forgot nothing")
	}
	if w.Forget(p) {
		t.Error("forgot it twice")
	}
	c.kill()
	quiet(t, w, exited)

	// It may be watched again.
	seen(t, watchExit(t, w, p))
	must(t, p.Close())
}

// The number of a closed descriptor is the next process's. Neither hears what
// was for the other.
func TestDescriptorNumberIsUsedAgain(t *testing.T) {
	w := newWatcher(t)
	first, second := start(t), start(t)
	p := first.find()
	old := watchExit(t, w, p)
	w.Forget(p)
	must(t, p.Close())
	next := second.find()
	defer next.Close()
	if next.pidfd != p.pidfd {
		t.Fatalf("the descriptor is %d, not %d again", next.pidfd, p.pidfd)
	}
	told := watchExit(t, w, next)
	first.kill()
	quiet(t, w, old)
	quiet(t, w, told)
	// An event of the former that was on its way already.
	w.fire(int32(next.pidfd))
	if len(told) > 0 {
		t.Fatal("the living process is said to have exited")
	}
	second.kill()
	seen(t, told)
}

func TestForgetWhileItExits(t *testing.T) {
	w := newWatcher(t)
	for range 20 {
		c := start(t)
		p := c.find()
		exited := watchExit(t, w, p)
		c.kill()
		if w.Forget(p) {
			quiet(t, w, exited)
		} else {
			seen(t, exited)
		}
		must(t, p.Close())
	}
}

func TestCloseWhileWatching(t *testing.T) {
	before := watchers()
	c := start(t)
	p := c.find()
	defer p.Close()
	w, err := NewWatcher()
	must(t, err)
	exited := watchExit(t, w, p)
	must(t, w.Close())
	// Not exactly: that of an earlier test may have been on its last step.
	eventually(t, "its goroutine is gone", func() bool { return watchers() <= before })
	c.kill()
	eventually(t, "it has exited", p.Exited)
	if len(exited) > 0 {
		t.Error("an exit was told after Close")
	}
	w.Forget(p)
	if w.Watch(p, func() {}) == nil {
		t.Error("a closed watcher watches")
	}
	if len(w.watched) > 0 {
		t.Error("a watch that failed is remembered")
	}
	wantErr(t, w.Close(), os.ErrClosed)
}

func TestCloseWaitsForTheCallThatRuns(t *testing.T) {
	w, err := NewWatcher()
	must(t, err)
	c := start(t)
	p := c.find()
	defer p.Close()
	running := make(chan struct{})
	ended := false // no lock: Close is what comes between
	must(t, w.Watch(p, func() {
		close(running)
		for deadline := time.Now().Add(limit); w.control(unix.EPOLL_CTL_MOD, p) == nil && time.Now().Before(deadline); {
			runtime.Gosched()
		}
		ended = true
	}))
	c.kill()
	<-running
	must(t, w.Close())
	if !ended {
		t.Error("closed while a call was running")
	}
}

func TestWatchAnAlienDescriptor(t *testing.T) {
	w := newWatcher(t)
	// epoll(7) refuses a regular file.
	f, err := os.CreateTemp(t.TempDir(), "")
	must(t, err)
	defer f.Close()
	if w.Watch(&Process{pidfd: int(f.Fd())}, func() {}) == nil {
		t.Error("watched a file")
	}
	if len(w.watched) > 0 {
		t.Error("a watch that failed is remembered")
	}
}
