package handover

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

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

// A user's own daemon has a keeper as well.
func TestKeeperOfAnybody(t *testing.T) {
	const user = 65534
	dir, err := os.MkdirTemp("/tmp", "keeper")
	must(t, err)
	defer os.RemoveAll(dir)
	must(t, os.Chown(dir, user, user))
	credential := &syscall.Credential{Uid: user, Gid: user}
	vm := startAs(t, &syscall.SysProcAttr{Credential: credential}, "owner").ready()
	socket, path := dir+"/sock", dir+"/disk"
	daemon := startAs(t, &syscall.SysProcAttr{Credential: credential}, "daemon", socket, strconv.Itoa(vm.pid()), path).ready()
	pid := keeperOf(t, socket)
	daemon.kill()
	if !isLocked(t, path) {
		t.Error("the lock went with the daemon")
	}
	vm.kill()
	eventually(t, "the lock is free", func() bool { return !isLocked(t, path) })
	eventually(t, "the keeper ends", func() bool { return !alive(pid) })
	_, err = os.Stat(socket)
	wantErr(t, err, os.ErrNotExist)
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

func TestSecondDaemonIsRefused(t *testing.T) {
	k, socket := keep(t)
	for range 3 {
		_, _, _, err := FindKeeper(socket)
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
	_, _, _, err := FindKeeper(socket)
	wantErr(t, err, ErrNoKeeper)
	// A socket that nobody listens on any more.
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET, 0)
	must(t, err)
	must(t, unix.Bind(fd, &unix.SockaddrUnix{Name: socket}))
	unix.Close(fd)
	_, _, _, err = FindKeeper(socket)
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

// Which signals may come to a daemon's children when it is stopped.
func TestKeeperOutlivesSignals(t *testing.T) {
	k, socket := keep(t)
	path := scratch(t, "disk")
	c := grant(t, path, 1, identity(t, os.Getpid()))
	must(t, k.Pass(c))
	for _, s := range []unix.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1, unix.SIGUSR2, unix.SIGPIPE, unix.SIGALRM} {
		must(t, unix.Kill(k.PID(), s))
		equal(t, "what it keeps after "+s.String(), ask(t, k), Kept{Locks: 1, Holds: 1})
	}
	must(t, k.Close())
	k, s, _ := find(t, socket)
	equal(t, "the number of holds", len(s.Holds), 1)
	equal(t, "what it keeps", ask(t, k), Kept{Locks: 1, Holds: 1})
}

func TestKeeperEndsWhenItIsEmpty(t *testing.T) {
	k, socket := keep(t)
	info, err := os.Stat(socket)
	must(t, err)
	equal(t, "the socket's mode", info.Mode().Perm(), 0o600)
	pidfd := reopen(t, k.pidfd)
	must(t, k.Pass(grant(t, scratch(t, "disk"), 1, identity(t, os.Getpid())), Change{Drop: 1}))
	must(t, k.Close())
	if !exited(pidfd, limit) {
		t.Fatal("the keeper goes on")
	}
	_, err = os.Stat(socket)
	wantErr(t, err, os.ErrNotExist)
}

// A keeper that ends leaves the socket of the next one alone.
func TestSocketIsAnothers(t *testing.T) {
	k, socket := keep(t)
	must(t, os.Rename(socket, socket+".old"))
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(fd)
	must(t, unix.Bind(fd, &unix.SockaddrUnix{Name: socket}))
	must(t, k.LetGo())
	_, err = os.Stat(socket)
	must(t, err)
}

func TestKeeperIsKilled(t *testing.T) {
	k, socket := keep(t)
	path := scratch(t, "disk")
	c := grant(t, path, 1, identity(t, os.Getpid()))
	must(t, k.Pass(c))
	select {
	case <-k.Gone():
		t.Fatal("it is gone already")
	default:
	}
	must(t, unix.Kill(k.PID(), unix.SIGKILL))
	select {
	case <-k.Gone():
	case <-time.After(limit):
		t.Fatal("nobody says that it is gone")
	}
	wantErr(t, k.Pass(Change{Drop: 1}), ErrKeeperGone)
	_, err := k.Ask()
	wantErr(t, err, ErrKeeperGone)
	if !isLocked(t, path) {
		t.Error("the daemon's own lock went with the keeper")
	}
	pid := k.PID()
	must(t, k.Kill())
	if err := unix.Kill(pid, 0); err != unix.ESRCH {
		t.Errorf("something of it is left: %v", err)
	}
	// Its socket's file does not stand in the way of the next one.
	k, err = StartKeeper(socket, command())
	must(t, err)
	must(t, k.Pass(c))
	equal(t, "what it keeps", ask(t, k), Kept{Locks: 1, Holds: 1})
	must(t, k.LetGo())
}

func TestLetGo(t *testing.T) {
	k, socket := keep(t)
	path, vm := scratch(t, "disk"), guest(t)
	c := grant(t, path, 1, identity(t, vm.pid()))
	must(t, k.Pass(c))
	give(t, c)
	pid := k.PID()
	must(t, k.LetGo())
	if isLocked(t, path) {
		t.Error("the lock is kept")
	}
	if err := unix.Kill(pid, 0); err != unix.ESRCH {
		t.Errorf("something of it is left: %v", err)
	}
	_, err := os.Stat(socket)
	wantErr(t, err, os.ErrNotExist)
}

// A keeper that hangs holds nobody up for long, and can be ended.
func TestKeeperHangs(t *testing.T) {
	k, socket := keep(t)
	const short = 50 * time.Millisecond
	k.setPatience(short)
	stop(t, k.PID())
	_, err := k.Ask()
	if err == nil || errors.Is(err, ErrKeeperGone) {
		t.Errorf("asked: %v", err)
	}
	c := Change{Space: "/" + strings.Repeat("x", 4000)}
	for err = nil; err == nil; {
		err = k.Pass(c)
	}
	wantErr(t, err, errNotReading)
	// It gets well again, with all it was told.
	must(t, unix.Kill(k.PID(), unix.SIGCONT))
	k.setPatience(limit)
	equal(t, "what it keeps", ask(t, k), Kept{})
	stop(t, k.PID())
	must(t, k.Close())
	_, _, err = findKeeper(socket, short)
	if err == nil || errors.Is(err, ErrNoKeeper) || !strings.Contains(err.Error(), fmt.Sprint(k.PID())) {
		t.Errorf("found: %v", err)
	}
}

func TestLetGoOfOneThatHangs(t *testing.T) {
	k, socket := keep(t)
	k.setPatience(100 * time.Millisecond)
	stop(t, k.PID())
	pid := k.PID()
	must(t, k.LetGo())
	if err := unix.Kill(pid, 0); err != unix.ESRCH {
		t.Errorf("something of it is left: %v", err)
	}
	_, _, _, err := FindKeeper(socket)
	wantErr(t, err, ErrNoKeeper)
}

func TestKeeperThatEndsEarly(t *testing.T) {
	socket := scratch(t, "sock")
	for want, c := range map[string]Command{
		"ended early: exit status 3":      {Path: "/bin/sh", Args: []string{"sh", "-c", "exit 3"}},
		"ended early: segmentation fault": {Path: "/bin/sh", Args: []string{"sh", "-c", "kill -SEGV $$"}},
		"no such file":                    {Path: "/nowhere/virtlockd", Args: []string{"virtlockd"}},
	} {
		_, err := StartKeeper(socket, c)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v is not %q", err, want)
		}
		if errors.Is(err, ErrNoKeeper) {
			t.Errorf("%v is %v", err, ErrNoKeeper)
		}
		_, err = os.Lstat(socket)
		wantErr(t, err, os.ErrNotExist)
	}
}

// The keeper has no rights, nothing open and no environment that it could misuse.
func TestKeeperIsHardened(t *testing.T) {
	inherited, err := unix.Open(os.DevNull, unix.O_RDWR, 0) // without close-on-exec
	must(t, err)
	defer unix.Close(inherited)
	k, _ := keep(t)
	proc := fmt.Sprintf("/proc/%d/", k.PID())
	status, err := os.ReadFile(proc + "status")
	must(t, err)
	for _, line := range []string{
		"Name:\tvirtlock-keeper\n", "NoNewPrivs:\t1\n", "CapInh:\t0000000000000000\n", "CapPrm:\t0000000000000000\n",
		"CapEff:\t0000000000000000\n", "CapBnd:\t0000000000000000\n", "CapAmb:\t0000000000000000\n", "Umask:\t0077\n",
	} {
		if !strings.Contains(string(status), line) {
			t.Errorf("no %q in\n%s", line, status)
		}
	}
	cmdline, err := os.ReadFile(proc + "cmdline")
	must(t, err)
	equal(t, "the command line", string(cmdline), "virtlockd-test\x00--keeper\x00")
	environment, err := os.ReadFile(proc + "environ")
	must(t, err)
	equal(t, "the environment", string(environment), strings.Join(hardenedEnvironment, "\x00")+"\x00")
	cwd, err := os.Readlink(proc + "cwd")
	must(t, err)
	equal(t, "the directory", cwd, "/")
	limits, err := os.ReadFile(proc + "limits")
	must(t, err)
	if !strings.Contains(string(limits), "Max core file size        0                    0 ") {
		t.Errorf("limits are\n%s", limits)
	}
	session, err := unix.Getsid(k.PID())
	must(t, err)
	equal(t, "the session", session, k.PID())
	kinds := make(map[string]int)
	open, err := filepath.Glob(proc + "fd/*")
	must(t, err)
	for _, fd := range open {
		to, _ := os.Readlink(fd)
		kind, _, _ := strings.Cut(to, ":[")
		kinds[kind]++
	}
	if kinds["/dev/null"] != 3 || kinds["socket"] != 2 {
		t.Errorf("open are %v", kinds)
	}
}

// helpAgain is a daemon that is executed anew with its keeper.
func helpAgain(args []string) error {
	k, err := StartKeeper(args[0], command())
	if err != nil {
		return err
	}
	fd, err := locked(args[1], unix.F_WRLCK)
	if err != nil {
		return err
	}
	started, err := startedAt(os.Getpid())
	if err != nil {
		return err
	}
	h := &Hold{ID: 1, Lock: 1, FD: fd, Owner: Owner{PID: os.Getpid(), Start: started}}
	if err := k.Pass(Change{Hold: h}); err != nil {
		return err
	}
	if err := k.tell(&message{Kind: kindAsk, Number: 1}); err != nil { // its answer is nobody's
		return err
	}
	unix.FcntlInt(uintptr(k.FD()), unix.F_SETFD, 0)
	os.Setenv(helperEnv, "resume")
	return unix.Exec("/proc/self/exe", []string{"again", strconv.Itoa(k.FD()), strconv.Itoa(k.PID()), args[1]}, os.Environ())
}

func helpResume(args []string) error {
	fd, _ := strconv.Atoi(args[0])
	pid, _ := strconv.Atoi(args[1])
	if _, err := ResumeKeeper(0, pid); err == nil {
		return errors.New("resumed the standard input")
	}
	k, err := ResumeKeeper(fd, pid)
	if err != nil {
		return err
	}
	kept, err := k.Ask()
	if err != nil {
		return err
	}
	if kept != (Kept{Locks: 1, Holds: 1}) {
		return fmt.Errorf("it keeps %+v", kept)
	}
	// Its child still.
	if err := k.LetGo(); err != nil {
		return err
	}
	if err := unix.Kill(pid, 0); err != unix.ESRCH {
		return fmt.Errorf("something of it is left: %v", err)
	}
	return nil
}

func TestDaemonIsExecutedAnew(t *testing.T) {
	start(t, "again", scratch(t, "sock"), scratch(t, "disk")).ready()
}

func TestResumeOneThatIsGone(t *testing.T) {
	k, _ := keep(t)
	must(t, unix.Kill(k.PID(), unix.SIGKILL))
	<-k.Gone()
	_, err := ResumeKeeper(reopen(t, k.FD()), os.Getpid())
	wantErr(t, err, ErrKeeperGone)
	must(t, k.Kill())
}

// connectAs listens to a keeper as another user, and says how that ends.
func connectAs(user int, socket string) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if _, _, err := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), uintptr(user), ^uintptr(0)); err != 0 {
			result <- err
			return
		}
		fd, err := connect(socket, silence)
		if err == nil {
			_, _, _, err = newInbox().receive(fd, 0)
			unix.Close(fd)
		}
		result <- err
	}()
	return <-result
}

// Only its own user may use a keeper.
func TestOtherUserIsRefused(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "keeper")
	must(t, err)
	defer os.RemoveAll(dir)
	must(t, os.Chmod(dir, 0o755))
	socket := filepath.Join(dir, "sock")
	k, err := StartKeeper(socket, command())
	must(t, err)
	endWithTest(t, k)
	must(t, k.Pass(grant(t, scratch(t, "disk"), 1, identity(t, os.Getpid()))))
	equal(t, "what it keeps", ask(t, k), Kept{Locks: 1, Holds: 1})
	must(t, k.Close())
	wantErr(t, connectAs(65534, socket), unix.EACCES)
	must(t, os.Chmod(socket, 0o666))
	wantErr(t, connectAs(65534, socket), io.EOF)
	k, s, _ := find(t, socket)
	equal(t, "the number of holds", len(s.Holds), 1)
	must(t, k.Close())
}
