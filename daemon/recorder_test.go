package daemon

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/daemon/internal/handover"
)

// newKeptDaemon makes a daemon with a keeper, and gives the directory of its files.
// It serves nobody.
func newKeptDaemon(t *testing.T) (*Daemon, string) {
	t.Helper()
	dir := t.TempDir()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	d, err := New(Config{Listener: l, Settings: DefaultSettings(), Keeping: &Keeping{
		Journal: filepath.Join(dir, "journal"), Socket: filepath.Join(dir, "keeper"), Program: os.Args[0],
	}})
	if err != nil {
		t.Fatal(err)
	}
	d.resume()
	t.Cleanup(func() { d.close(); d.closeHistory() })
	if err := d.recorder.startKeeper(nil); err != nil {
		t.Fatal(err)
	}
	return d, dir
}

func killKeeper(t *testing.T, k *handover.Keeper) {
	t.Helper()
	if err := unix.Kill(k.PID(), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-k.Gone()
}

// A call that needs a keeper may be faster to replace it than who looks after it,
// whom a re-exec that is tried holds up. The new one must not go for the old one.
func TestKeeperIsReplacedOnce(t *testing.T) {
	d, _ := newKeptDaemon(t)
	former := d.recorder.keeperNow()
	killKeeper(t, former)
	if err := d.recorder.startKeeper(former); err != nil { // as Grant does
		t.Fatal(err)
	}
	next := d.recorder.keeperNow()
	d.recorder.keeperGone(former)
	if now := d.recorder.keeperNow(); now != next {
		t.Errorf("the keeper that replaced process %d, %d, was replaced by %d", former.PID(), next.PID(), now.PID())
	}
}

// While no keeper can be started it is tried again and again. The numbers of the last
// one's descriptors are others' by then: a lock's, a client's, or a guest's pidfd.
func TestKeeperCannotBeStarted(t *testing.T) {
	d, dir := newKeptDaemon(t)
	former := d.recorder.keeperNow()
	killKeeper(t, former)
	d.recorder.keeping.Socket = filepath.Join(dir, "missing", "keeper")
	d.recorder.keeperGone(former)
	var pipes [][2]int // have the lowest numbers that are free
	for range 8 {
		var p [2]int
		if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		pipes = append(pipes, p)
	}
	for range 2 {
		d.recorder.keeperGone(d.recorder.keeperNow())
	}
	for _, p := range pipes {
		for _, fd := range p {
			if err := unix.Close(fd); err != nil {
				t.Errorf("descriptor %d was closed by somebody else: %v", fd, err)
			}
		}
	}
	d.recorder.keeping.Socket = filepath.Join(dir, "keeper")
	if err := d.recorder.startKeeper(d.recorder.keeperNow()); err != nil || d.recorder.keeperNow() == nil {
		t.Errorf("no keeper afterwards: %v", err)
	}
}

// A keeper that was stopped for a while has missed what it had no room for. Going on,
// it would give the next daemon locks that were given back long ago.
func TestKeeperThatMissedAChangeIsReplaced(t *testing.T) {
	t.Parallel() // it takes the five seconds that a keeper is given
	d, _ := newKeptDaemon(t)
	former := d.recorder.keeperNow()
	if err := unix.Kill(former.PID(), unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	for hold := uint64(1); time.Since(start) < 5*time.Second; hold++ { // until one has waited so long
		d.recorder.Drop(hold)
	}
	d.recorder.tidy()
	if now := d.recorder.keeperNow(); now == nil || now == former {
		t.Errorf("a keeper that has missed something stays: %v", now)
	}
}
