package handover

import (
	"os"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The lock stays until the last of those who share it is gone.
func TestSharedLock(t *testing.T) {
	k, socket := keep(t)
	path := scratch(t, "disk")
	fd, err := locked(path, unix.F_RDLCK)
	must(t, err)
	first, second := guest(t), guest(t)
	must(t, k.Pass(
		Change{Hold: &Hold{ID: 1, Lock: 5, FD: fd, Name: path, Shared: true, Owner: identity(t, first.pid())}},
		Change{Hold: &Hold{ID: 2, Lock: 5, FD: -1, Name: path, Shared: true, Owner: identity(t, second.pid())}},
		Change{Hold: &Hold{ID: 3, Lock: 5, FD: -1, Name: path, Shared: true, Owner: identity(t, second.pid())}},
		Change{Hold: &Hold{ID: 4, Lock: 5, FD: -1, Name: path, Shared: true, Owner: identity(t, second.pid())}},
	))
	equal(t, "what it keeps", ask(t, k), Kept{Locks: 1, Holds: 4})
	unix.Close(fd)
	first.kill()
	eventually(t, "the first owner's end is seen", func() bool { return ask(t, k) == Kept{Locks: 1, Holds: 3, Ended: 1} })
	must(t, k.Pass(Change{Drop: 2}))
	equal(t, "what it keeps", ask(t, k), Kept{Locks: 1, Holds: 2, Ended: 1})
	if !isLocked(t, path) {
		t.Fatal("the lock went before its last hold")
	}
	// Its descriptor comes with what is now its first hold.
	must(t, k.Close())
	k, s, ended := find(t, socket)
	if len(s.Holds) != 2 || s.Holds[0].ID != 3 || s.Holds[0].FD < 0 || s.Holds[1].ID != 4 || s.Holds[1].FD != -1 {
		t.Errorf("the holds are %+v", s.Holds)
	}
	if len(ended) != 1 || ended[0].ID != 1 || ended[0].FD != -1 {
		t.Errorf("the ended holds are %+v", ended)
	}
	unix.Close(s.Holds[0].FD)
	second.kill()
	eventually(t, "the lock is free", func() bool { return !isLocked(t, path) })
	equal(t, "what it keeps", ask(t, k), Kept{Ended: 3})
	must(t, k.Pass(Change{Drop: 1}, Change{Drop: 3}, Change{Drop: 4}, Change{Drop: 99}))
	equal(t, "what it keeps", ask(t, k), Kept{})
}

func TestOwnerEndsWhileNoDaemonLives(t *testing.T) {
	k, socket := keep(t)
	one, two := scratch(t, "one"), scratch(t, "two")
	short, long := guest(t), guest(t)
	a, b := grant(t, one, 1, identity(t, short.pid())), grant(t, two, 2, identity(t, long.pid()))
	a.Hold.Autocreate = true
	must(t, k.Pass(a, b))
	give(t, a)
	give(t, b)
	must(t, k.Close())
	short.kill()
	eventually(t, "the lock ends with its owner", func() bool { return !isLocked(t, one) })
	if !isLocked(t, two) {
		t.Error("the other lock went too")
	}
	for range 2 { // and again: it was not dropped
		var ended []Hold
		var s *State
		k, s, ended = find(t, socket)
		if len(ended) != 1 || ended[0].Name != one || !ended[0].Autocreate || ended[0].Owner.PID != short.pid() || ended[0].FD != -1 {
			t.Errorf("the ended holds are %+v", ended)
		}
		if len(s.Holds) != 1 || s.Holds[0].ID != 2 || s.Holds[0].FD < 0 {
			t.Errorf("the holds are %+v", s.Holds)
		}
		must(t, k.Pass(Change{Hold: &Hold{ID: 9, Lock: 9, FD: -1, Owner: Owner{PID: short.pid(), Start: 1}}}, Change{Drop: 9}))
		must(t, k.Close())
	}
	k, _, _ = find(t, socket)
	must(t, k.Pass(Change{Drop: 1}))
	must(t, k.Close())
	k, _, ended := find(t, socket)
	equal(t, "the number of ended holds", len(ended), 0)
	must(t, k.Close())
}

// An owner that has ended before the keeper hears of it, or whose pid is another
// process's by now, holds nothing.
func TestOwnerEndedBefore(t *testing.T) {
	k, _ := keep(t)
	path, gone := scratch(t, "disk"), guest(t)
	dead := identity(t, gone.pid())
	gone.kill()
	other := identity(t, os.Getpid())
	other.Start++
	for i, o := range []Owner{dead, other, {}, {PID: -1}, {PID: 1 << 40}} {
		c := grant(t, path, uint64(i+1), o)
		must(t, k.Pass(c))
		give(t, c)
		equal(t, "what it keeps", ask(t, k), Kept{Ended: i + 1})
		eventually(t, "the lock is free", func() bool { return !isLocked(t, path) })
	}
}

// helpHidden is helpDaemon where /proc hides the processes of others but from a
// group.
func helpHidden(args []string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, "hidepid=2,gid=12345"); err != nil {
		return err
	}
	return helpDaemon(args)
}

func TestOwnerIsHidden(t *testing.T) {
	socket, path := scratch(t, "sock"), scratch(t, "disk")
	nobody := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	vm := startAs(t, nobody, "owner").ready()
	apart := &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	daemon := startAs(t, apart, "hidden", socket, strconv.Itoa(vm.pid()), path).ready()
	keeperOf(t, socket)
	daemon.kill()
	k, s, _ := find(t, socket)
	if len(s.Holds) != 1 {
		t.Fatal("the hold is gone")
	}
	unix.Close(s.Holds[0].FD)
	if !isLocked(t, path) {
		t.Error("the lock is gone")
	}
	vm.kill()
	eventually(t, "the owner's end is seen", func() bool { return ask(t, k) == Kept{Ended: 1} })
	eventually(t, "the lock is free", func() bool { return !isLocked(t, path) })
	must(t, k.Close())
}

// What epoll has seen may be of an older process whose pid is used again.
func TestOwnerOfAnOlderEvent(t *testing.T) {
	k := newKept()
	watched := -1
	k.watcher = func(fd int, _ int32) error { watched = fd; return nil }
	vm := guest(t)
	o := identity(t, vm.pid())
	k.hold(&keptRecord{raw: []byte{0}, id: 1, lock: 1, pid: o.PID, start: o.Start}, -1)
	k.exited(int32(o.PID))
	equal(t, "what it keeps", k.counts(), Kept{Locks: 1, Holds: 1})
	vm.kill()
	if !exited(watched, limit) {
		t.Fatal("its end is not seen")
	}
	k.exited(int32(o.PID))
	equal(t, "what it keeps", k.counts(), Kept{Ended: 1})
}

// An owner that cannot be watched keeps its locks, and is tried again.
func TestOwnerThatCannotBeWatched(t *testing.T) {
	k := newKept()
	refuse := true
	k.watcher = func(int, int32) error {
		if refuse {
			return unix.ENOSPC // of fs.epoll.max_user_watches
		}
		return nil
	}
	one, two := guest(t), guest(t)
	for i, vm := range []*program{one, two} {
		o := identity(t, vm.pid())
		k.hold(&keptRecord{raw: []byte{0}, id: uint64(i + 1), lock: uint64(i + 1), pid: o.PID, start: o.Start}, -1)
	}
	k.exited(int32(one.pid()))
	k.watchAgain()
	equal(t, "what it keeps", k.counts(), Kept{Locks: 2, Holds: 2})
	equal(t, "those to be tried again", len(k.unwatched), 2)
	refuse = false
	one.kill()
	k.watchAgain()
	equal(t, "what it keeps", k.counts(), Kept{Locks: 1, Holds: 1, Ended: 1})
	equal(t, "those to be tried again", len(k.unwatched), 0)
	k.ended(int32(two.pid()))
}

// The same hold again is the same hold, as it is now.
func TestHoldIsPassedAgain(t *testing.T) {
	k, socket := keep(t)
	path := scratch(t, "disk")
	c := grant(t, path, 1, identity(t, os.Getpid()))
	must(t, k.Pass(c))
	c.Hold.Owner.Name = "renamed"
	must(t, k.Pass(c, c))
	c.Hold.FD = -1
	must(t, k.Pass(c))
	equal(t, "what it keeps", ask(t, k), Kept{Locks: 1, Holds: 1})
	must(t, k.Close())
	k, s, _ := find(t, socket)
	if len(s.Holds) != 1 || s.Holds[0].Owner.Name != "renamed" || s.Holds[0].FD < 0 {
		t.Errorf("the holds are %+v", s.Holds)
	}
	must(t, k.Pass(Change{Drop: 1}))
	equal(t, "what it keeps", ask(t, k), Kept{})
}
