package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
)

// printNotHeld tells what there is to know of what the daemon knows no holder
// of. Free it is only when no other program holds it either: the kernel's locks
// bind those who did not ask the daemon as well.
func (e *env) printNotHeld(ctx context.Context, t target) error {
	lock, err := inTime(ctx, strconv.Quote(t.file), func() (*api.Lock, error) { return foreignLock(t.file) })
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		return &notFoundError{
			message: fmt.Sprintf("nobody holds %q, and there is no such file", t.name),
			hint:    "virtlock-admin list shows what is held",
		}
	case err != nil:
		return fmt.Errorf("nobody asked this daemon for %q; look for a lock of another program: %w", t.name, err)
	case lock == nil:
		return &notFoundError{
			message: fmt.Sprintf("nobody holds %q", t.name),
			hint:    "virtlock-admin who " + shellWord(t.file) + " shows who uses it without a lock",
		}
	case e.options.json: // which is the daemon's answer, or none
		return &notFoundError{
			message: fmt.Sprintf("nobody asked this daemon for %q", t.name),
			hint:    "another program holds a lock on it; process: " + program(lock.Holders[0].Owner),
		}
	case e.options.quiet:
		if t.lockspace != "" {
			lock.Lockspace, lock.Name = t.lockspace, t.name
		}
		printRows(e.out, []api.Lock{*lock})
		return nil
	}
	e.printForeign(*lock)
	return nil
}

func (e *env) printForeign(lock api.Lock) {
	process := program(lock.Holders[0].Owner)
	if lock.Holders[0].Owner.PID == 0 {
		process += "; " + e.asTyped("virtlock-admin who "+shellWord(lock.Path)) + " looks for it"
	}
	printField(e.out, "File", quote(lock.Path))
	printField(e.out, "Mode", lock.Mode)
	printField(e.out, "Held by", "another program, which did not ask this daemon")
	printField(e.out, "Process", process)
	fmt.Fprintln(e.out)
}

// program names a process that holds a lock by itself.
func program(owner api.Owner) string {
	if owner.PID == 0 {
		return "not known to the kernel"
	}
	return fmt.Sprintf("%d (%s)", owner.PID, ownerName(owner))
}

// foreignLock asks the kernel for a lock on the byte of a file that virtlockd
// locks, which is the first. It returns nil when there is none. What is taken
// through the daemon just now looks the same, for that moment.
func foreignLock(path string) (*api.Lock, error) {
	// Without waiting for the other side of a pipe.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lk := unix.Flock_t{Type: unix.F_WRLCK, Len: 1} // which every lock is in the way of
	if err := unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &lk); err != nil {
		return nil, &fs.PathError{Op: "fcntl", Path: path, Err: err}
	}
	if lk.Type == unix.F_UNLCK {
		return nil, nil
	}
	lock := &api.Lock{Name: path, Path: path, Mode: api.Exclusive}
	if lk.Type == unix.F_RDLCK {
		lock.Mode = api.Shared
	}
	// A lock of an open file has no process: the kernel says -1. One of
	// another process namespace is 0.
	var owner api.Owner
	if lk.Pid > 0 {
		owner = api.Owner{PID: int(lk.Pid), Name: commandName(int(lk.Pid))}
	}
	lock.Holders = []api.Holder{{Owner: owner, Foreign: true}}
	return lock, nil
}

// commandName is the name of a process's command, or empty when it is gone.
func commandName(pid int) string {
	name, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(name), "\n")
}
