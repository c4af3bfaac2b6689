package handover

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

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
	var err error
	for range 5 { // the answers come late, and are nobody's then
		if _, err = k.Ask(); err == nil || errors.Is(err, ErrKeeperGone) {
			t.Errorf("asked: %v", err)
		}
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
	_, _, err := FindKeeper(socket)
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

// Answers that come late do not stand in the way of the one that is waited for.
func TestLateAnswers(t *testing.T) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(ends[1])
	k := newClient(ends[0], 0, -1)
	answered := make(chan error)
	go func() {
		_, _, _, err := newInbox().receive(ends[1], 0)
		for number := range uint64(101) { // to 1 at last
			late := message{Kind: kindKept, Number: 101 - number, Kept: &Kept{Locks: int(number)}}
			if err == nil {
				_, err = unix.SendmsgN(ends[1], late.append(nil), nil, nil, 0)
			}
		}
		answered <- err
	}()
	equal(t, "what it keeps", ask(t, k), Kept{Locks: 100})
	must(t, <-answered)
	must(t, k.Close())
}
