package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// lockFile locks a file as a program does that does not ask the daemon. Neither
// sort of lock is that of the descriptor which the tool opens.
func lockFile(t *testing.T, path string, command int, kind int16) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := unix.FcntlFlock(f.Fd(), command, &unix.Flock_t{Type: kind, Len: 1}); err != nil {
		t.Fatal(err)
	}
}

func TestInspectForeignLock(t *testing.T) {
	h := newHouse(t)
	unknown, known := newFile(t, "unknown.raw"), newFile(t, "known.raw")
	lockFile(t, unknown, unix.F_OFD_SETLK, unix.F_RDLCK)
	compare(t, h.ask(t, "inspect", unknown), "File:           "+unknown+`
Mode:           shared
Held by:        another program, which did not ask this daemon
Process:        not known to the kernel; virtlock-admin who `+unknown+` looks for it

`)
	compare(t, h.ask(t, "inspect", unknown, "-q"), "-\t"+unknown+"\tshared\t-\t-\t-\t-\n")
	got := runLine(t, 0, "--socket", h.Socket, "--json", "inspect", unknown)
	if got.status != exitNotFound || got.out != "" {
		t.Errorf("--json: status %d, output %q", got.status, got.out)
	}
	compare(t, got.err, "error: nobody asked this daemon for \""+unknown+"\"\n"+
		"hint: another program holds a lock on it; process: not known to the kernel\n")

	space := t.TempDir()
	if err := h.guest.CreateLockspace(t.Context(), space); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(unknown, filepath.Join(space, "x")); err != nil {
		t.Fatal(err)
	}
	compare(t, h.ask(t, "-q", "inspect", space, "x"), space+"\tx\tshared\t-\t-\t-\t-\n")

	// A lock of a process goes when that closes any descriptor of the file, as
	// the tool in this process does: it can be seen once.
	lockFile(t, known, unix.F_SETLK, unix.F_WRLCK)
	want := "Process:        " + strconv.Itoa(os.Getpid()) + " (" + commandName(os.Getpid()) + ")\n"
	if out := h.ask(t, "inspect", known); !strings.Contains(out, "Mode:           exclusive\n") || !strings.Contains(out, want) {
		t.Errorf("no %q in:\n%s", want, out)
	}
	if got := runLine(t, 0, "--socket", h.Socket, "inspect", known); got.status != exitNotFound {
		t.Errorf("after the lock went: %+v", got)
	}
}

// TestInspectCannotTell has a file that cannot be opened: nobody may take it for
// free. It is one that also root cannot open.
func TestInspectCannotTell(t *testing.T) {
	h := newHouse(t)
	loop := filepath.Join(t.TempDir(), "loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	got := runLine(t, 0, "--socket", h.Socket, "inspect", loop)
	if got.status != exitFailed || got.out != "" || !strings.Contains(got.err, unix.ELOOP.Error()) {
		t.Errorf("inspect = %+v", got)
	}
}

func TestCommandNameOfNobody(t *testing.T) {
	if got := commandName(-1); got != "" {
		t.Errorf("commandName = %q", got)
	}
}
