package handover

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// helpDaemon is a daemon: it starts a keeper and takes a lock for another process
// on each file.
func helpDaemon(args []string) error {
	k, err := StartKeeper(args[0], command())
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	started, err := startedAt(pid)
	if err != nil {
		return err
	}
	changes := []Change{{Space: "/space/one"}, {Space: "/space/two"}, {Space: "/space/one"}, {Totals: Totals{Hold: 9, Granted: 3}}}
	for i, path := range args[2:] {
		fd, err := locked(path, unix.F_WRLCK)
		if err != nil {
			return err
		}
		id := uint64(i + 1)
		h := &Hold{ID: id, Lock: id, FD: fd, Name: path, Autocreate: true, Owner: Owner{Name: "guest", PID: pid, Start: started}}
		changes = append(changes, Change{Hold: h})
	}
	return k.Pass(changes...)
}

// keeperOf is the keeper that a helper has started.
func keeperOf(t *testing.T, socket string) int {
	t.Helper()
	fd, err := connect(socket, silence)
	must(t, err)
	defer unix.Close(fd)
	who, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	must(t, err)
	pid := int(who.Pid)
	t.Cleanup(func() { unix.Kill(pid, unix.SIGKILL) })
	return pid
}

func TestLocksOutliveTheirDaemon(t *testing.T) {
	socket, one, two := scratch(t, "sock"), scratch(t, "one"), scratch(t, "two")
	vm := guest(t)
	daemon := start(t, "daemon", socket, strconv.Itoa(vm.pid()), one, two).ready()
	pid := keeperOf(t, socket)
	daemon.kill() // at once: what was passed may be under way still
	if !isLocked(t, one) || !isLocked(t, two) {
		t.Fatal("the locks went with the daemon")
	}

	k, s, ended := find(t, socket)
	equal(t, "the keeper's pid", k.PID(), pid)
	equal(t, "the number of ended holds", len(ended), 0)
	equal(t, "the spaces", strings.Join(s.Spaces, " "), "/space/one /space/two")
	equal(t, "the totals", s.Totals, Totals{Hold: 9, Granted: 3})
	if len(s.Holds) != 2 {
		t.Fatalf("there are %d holds", len(s.Holds))
	}
	for i, path := range []string{one, two} {
		h := s.Holds[i]
		want := Hold{ID: uint64(i + 1), Lock: uint64(i + 1), FD: h.FD, Name: path, Autocreate: true, Owner: h.Owner}
		equal(t, "the hold", h, want)
		equal(t, "the owner", h.Owner.PID, vm.pid())
		closes, err := unix.FcntlInt(uintptr(h.FD), unix.F_GETFD, 0)
		if err != nil || closes != unix.FD_CLOEXEC {
			t.Errorf("the descriptor of %s: %v, %v", path, closes, err)
		}
		// It is the very lock: who has it may release it.
		must(t, lockFD(h.FD, unix.F_UNLCK))
		if isLocked(t, path) {
			t.Errorf("%s stays locked", path)
		}
		must(t, lockFD(h.FD, unix.F_WRLCK))
	}
	// The keeper goes on with everything, and with the new daemon.
	equal(t, "what it keeps", ask(t, k), Kept{Locks: 2, Holds: 2})
	must(t, k.Pass(Change{Drop: 1}))
	equal(t, "what it keeps", ask(t, k), Kept{Locks: 1, Holds: 1})
	must(t, k.Close())

	vm.kill()
	eventually(t, "the lock ends with its owner", func() bool { return !lockedElsewhere(t, two, s.Holds[1].FD) })
	eventually(t, "the keeper has nothing left and ends", func() bool { return !alive(pid) })
	_, err := os.Stat(socket)
	wantErr(t, err, os.ErrNotExist)
}

// lockedElsewhere reports whether a file is locked once this process has let go
// of it.
func lockedElsewhere(t *testing.T, path string, fd int) bool {
	t.Helper()
	unix.Close(fd)
	return isLocked(t, path)
}

// alive reports whether a process has not ended.
func alive(pid int) bool {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	return !exited(fd, 0)
}

func TestDropFreesTheDescriptor(t *testing.T) {
	k, _ := keep(t)
	path := scratch(t, "disk")
	c := grant(t, path, 1, identity(t, os.Getpid()))
	must(t, k.Pass(c))
	give(t, c)
	if !isLocked(t, path) {
		t.Fatal("the keeper does not keep the lock")
	}
	must(t, k.Pass(Change{Drop: 1}))
	equal(t, "what it keeps", ask(t, k), Kept{})
	eventually(t, "the descriptor is closed", func() bool { return !isLocked(t, path) })
}

// Holds that one call gives back go with one message: all or none.
func TestDropOfMany(t *testing.T) {
	k, _ := keep(t)
	const holds = 1024 // the most that one call may name
	path := scratch(t, "disk")
	o := identity(t, os.Getpid())
	var given Change
	for id := range uint64(holds) {
		c := grant(t, path+strconv.FormatUint(id, 10), 1<<40+id, o)
		must(t, k.Pass(c))
		give(t, c)
		if given.Drop == 0 {
			given.Drop = c.Hold.ID
		} else {
			given.Drops = append(given.Drops, c.Hold.ID)
		}
	}
	equal(t, "how many it keeps", ask(t, k).Holds, holds)
	must(t, k.Pass(given))
	equal(t, "what it keeps", ask(t, k), Kept{})
}

func TestSecondDaemonIsRefused(t *testing.T) {
	k, socket := keep(t)
	for range 3 {
		_, _, err := FindKeeper(socket)
		var taken *TakenError
		if !errors.As(err, &taken) || taken.PID != os.Getpid() {
			t.Fatalf("error is %v", err)
		}
	}
	if _, err := StartKeeper(socket, command()); err == nil || errors.Is(err, ErrNoKeeper) {
		t.Errorf("a second keeper: %v", err)
	}
	equal(t, "what it keeps", ask(t, k), Kept{})
}

// What a daemon had passed counts, even if it ends without having read what the
// keeper had said: the kernel calls that a connection reset.
func TestDaemonEndsWithoutHavingRead(t *testing.T) {
	k, socket := keep(t)
	path := scratch(t, "disk")
	c := grant(t, path, 1, identity(t, os.Getpid()))
	must(t, k.Pass(Change{Hold: &Hold{ID: 2, Lock: 2, FD: -1, Owner: c.Hold.Owner}})) // keeps it alive
	pid := k.PID()
	must(t, k.Close())
	fd, err := connect(socket, silence)
	must(t, err)
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	if n, err := unix.Poll(fds, int(limit.Milliseconds())); n != 1 {
		t.Fatalf("no welcome: %v", err)
	}
	stop(t, pid)
	passed := message{Kind: kindChange, Change: &c}
	control := rights()
	setRight(control, c.Hold.FD)
	_, err = unix.SendmsgN(fd, passed.append(nil), control, nil, 0)
	must(t, err)
	must(t, unix.Close(fd))
	give(t, c)
	if !isLocked(t, path) {
		t.Fatal("what is under way does not count")
	}
	must(t, unix.Kill(pid, unix.SIGCONT))
	k, s, _ := find(t, socket)
	wantIDs(t, s, 1, 2)
	must(t, k.Close())
	if !isLocked(t, path) {
		t.Error("the lock is gone")
	}
}

func TestNoKeeper(t *testing.T) {
	socket := scratch(t, "sock")
	_, _, err := FindKeeper(socket)
	wantErr(t, err, ErrNoKeeper)
	// A socket that nobody listens on any more.
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET, 0)
	must(t, err)
	must(t, unix.Bind(fd, &unix.SockaddrUnix{Name: socket}))
	unix.Close(fd)
	_, _, err = FindKeeper(socket)
	wantErr(t, err, ErrNoKeeper)
	k, err := StartKeeper(socket, command())
	must(t, err)
	must(t, k.LetGo())
	// What is no socket is left alone.
	must(t, os.WriteFile(socket, []byte("data"), 0o600))
	if _, err = StartKeeper(socket, command()); err == nil {
		t.Error("a file was replaced")
	}
	if b, _ := os.ReadFile(socket); string(b) != "data" {
		t.Error("a file is gone")
	}
}

// Whoever joins a shared lock may do so when the others have ended just now, which
// the keeper sees before the daemon does.
func TestJoinWhenTheOthersHaveEnded(t *testing.T) {
	k, _ := keep(t)
	path := scratch(t, "shared")
	fd, err := locked(path, unix.F_RDLCK)
	must(t, err)
	first := guest(t)
	must(t, k.Pass(Change{Hold: &Hold{ID: 1, Lock: 1, FD: fd, Name: path, Shared: true, Owner: identity(t, first.pid())}}))
	first.kill()
	eventually(t, "the keeper has seen the end", func() bool {
		kept, err := k.Ask()
		must(t, err)
		return kept.Holds == 0
	})
	must(t, k.Pass(Change{Hold: &Hold{ID: 2, Lock: 1, FD: fd, Name: path, Shared: true, Owner: identity(t, os.Getpid())}}))
	must(t, k.Pass(Change{Drop: 1}))
	must(t, unix.Close(fd))
	if !isLocked(t, path) {
		t.Error("the keeper does not hold the lock")
	}
}

// A daemon may end while it tells a new keeper of what it holds.
func TestKeeperKnowsWhetherItWasToldOfAll(t *testing.T) {
	k, socket := keep(t)
	fd, err := locked(scratch(t, "one"), unix.F_WRLCK)
	must(t, err)
	must(t, k.Pass(Change{Hold: &Hold{ID: 1, Lock: 1, FD: fd, Owner: identity(t, os.Getpid())}}))
	for _, complete := range []bool{false, true} {
		must(t, k.Close())
		var left *Left
		k, left, err = FindKeeper(socket)
		must(t, err)
		equal(t, "the number of holds", len(left.State.Holds), 1)
		unix.Close(left.State.Holds[0].FD)
		equal(t, "it is complete", left.Complete, complete)
		must(t, k.Full())
	}
	must(t, k.LetGo())
}
