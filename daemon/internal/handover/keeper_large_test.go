package handover

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// resident is the memory of a process in KiB, and how much of it is its own and
// not the program's file.
func resident(t testing.TB, pid int) (all, own int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(line)
		switch fields[0] {
		case "VmRSS:":
			all, _ = strconv.Atoi(fields[1])
		case "RssAnon:":
			own, _ = strconv.Atoi(fields[1])
		}
	}
	return all, own
}

// many takes that many locks on files of one directory.
func many(t testing.TB, n int, o Owner) []Change {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "keeper") // a disk takes seconds to make them
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	changes := make([]Change, n)
	for i := range changes {
		path := fmt.Sprintf("%s/%d", dir, i)
		fd, err := locked(path, unix.F_WRLCK)
		must(t, err)
		h := holdOf(uint64(i + 1))
		h.Name, h.Owner, h.FD = path, o, fd
		changes[i].Hold = &h
	}
	return changes
}

func TestTenThousandLocks(t *testing.T) {
	const n = 10_000
	k, socket := keep(t)
	vm := guest(t)
	empty, own := resident(t, k.PID())
	changes := many(t, n, identity(t, vm.pid()))
	must(t, k.Pass(changes...))
	equal(t, "what it keeps", ask(t, k), Kept{Locks: n, Holds: n})
	full, fullOwn := resident(t, k.PID())
	t.Logf("the keeper has %d KiB (%d its own) with nothing, %d KiB (%d its own) with %d locks", empty, own, full, fullOwn, n)
	must(t, k.Close())
	for i := range changes {
		unix.Close(changes[i].Hold.FD)
	}

	begin := time.Now()
	k, s, _ := find(t, socket)
	t.Logf("taken over within %v", time.Since(begin))
	equal(t, "the number of holds", len(s.Holds), n)
	for i, h := range s.Holds {
		want := *changes[i].Hold
		want.FD = h.FD
		if h != want || h.FD < 0 {
			t.Fatalf("hold %d is %+v", i, h)
		}
		unix.Close(h.FD)
	}
	for _, i := range []int{0, n / 2, n - 1} {
		if !isLocked(t, s.Holds[i].Name) {
			t.Errorf("lock %d is gone", i)
		}
	}
	vm.kill()
	eventually(t, "the owner's end is seen", func() bool { return ask(t, k) == Kept{Ended: n} })
	eventually(t, "the last lock is free", func() bool { return !isLocked(t, s.Holds[n-1].Name) })
}

// An owner may end while its holds are told to a daemon that does not read.
func TestOwnerEndsWhileItIsToldOf(t *testing.T) {
	const n = 2_000 // more than the queue has room for
	k, socket := keep(t)
	vm := guest(t)
	changes := many(t, n, identity(t, vm.pid()))
	must(t, k.Pass(changes...))
	must(t, k.Pass(Change{Hold: &Hold{ID: n + 1, Lock: n + 1, FD: -1, Owner: identity(t, os.Getpid())}}))
	must(t, k.Close())
	for i := range changes {
		unix.Close(changes[i].Hold.FD)
	}
	fd, err := connect(socket, silence)
	must(t, err)
	slow := &takeover{fd: fd, in: newInbox(), again: true}
	must(t, slow.welcome(0))
	hello := message{Kind: kindHello}
	_, err = unix.SendmsgN(fd, hello.append(nil), nil, nil, 0)
	must(t, err)
	last := changes[n-1].Hold.Name
	vm.kill()
	eventually(t, "the last lock is free", func() bool { return !isLocked(t, last) })
	for {
		m, passed, err := slow.next(0)
		must(t, err)
		if m.Kind == kindAll {
			break
		}
		must(t, slow.add(m, passed))
	}
	defer slow.closeAll()
	equal(t, "the number of holds", len(slow.state.Holds)+len(slow.ended), n+1)
	if len(slow.ended) == 0 || len(slow.state.Holds) < 2 {
		t.Errorf("%d hold, %d have ended", len(slow.state.Holds), len(slow.ended))
	}
	unix.Close(fd)

	// A daemon that ends in the middle of it takes nothing along, and what it
	// said is heard.
	fd, err = connect(socket, silence)
	must(t, err)
	must(t, (&takeover{fd: fd, in: newInbox()}).welcome(0))
	for _, m := range []message{hello, {Kind: kindChange, Change: &Change{Space: "/heard"}}} {
		_, err = unix.SendmsgN(fd, m.append(nil), nil, nil, 0)
		must(t, err)
	}
	unix.Close(fd)
	k, s, ended := find(t, socket)
	equal(t, "the number of ended holds", len(ended), n)
	equal(t, "the space", strings.Join(s.Spaces, " "), "/heard")
	must(t, k.Close())
}

func TestPassByMany(t *testing.T) {
	k, _ := keep(t)
	o, path := identity(t, os.Getpid()), scratch(t, "disk")
	var daemons sync.WaitGroup
	for w := range uint64(8) {
		daemons.Go(func() {
			fd, err := locked(path+fmt.Sprint(w), unix.F_WRLCK)
			if err != nil {
				t.Error(err)
				return
			}
			defer unix.Close(fd)
			for i := range uint64(1000) {
				id := w*1000 + i + 1
				if err := k.Pass(Change{Hold: &Hold{ID: id, Lock: id, FD: fd, Owner: o}, Totals: Totals{Hold: id}}, Change{Drop: id}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	daemons.Wait()
	equal(t, "what it keeps", ask(t, k), Kept{})
}

// BenchmarkPass passes a hold and its drop, and waits at the end until the keeper
// has heard of all.
func BenchmarkPass(b *testing.B) {
	k, _ := keep(b)
	o, path := identity(b, os.Getpid()), scratch(b, "disk")
	fd, err := locked(path, unix.F_WRLCK)
	must(b, err)
	defer unix.Close(fd)
	h := holdOf(1)
	h.Owner, h.FD = o, fd
	hold, drop := Change{Hold: &h}, Change{Drop: 1}
	b.ReportAllocs()
	for b.Loop() {
		must(b, k.Pass(hold))
		must(b, k.Pass(drop))
	}
	equal(b, "what it keeps", ask(b, k), Kept{})
}
