package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestListFormat(t *testing.T) {
	h := newHouse(t)
	row := strings.Fields(h.ask(t, "list", "-q", "--format", "pid,uuid,tied,name"))
	want := []string{fmt.Sprint(os.Getpid()), h.guest.Owner.UUID, "connection", h.image}
	if strings.Join(row, " ") != strings.Join(want, " ") {
		t.Errorf("row %q, want %q", row, want)
	}
	out := h.ask(t, "list", "--format", "owner,mode")
	compare(t, out, " Owner   Mode\n--------------------\n web01   exclusive\n\n")
}

// TestEveryColumn shows each, so that none is shown as another.
func TestEveryColumn(t *testing.T) {
	var s strings.Builder
	e := &env{out: &s, now: func() time.Time { return now }}
	e.options.quiet = true
	if err := printFields(e, lockFields, heldLocks(someLocks()[1:])); err != nil {
		t.Fatal(err)
	}
	compare(t, s.String(), strings.ReplaceAll(
		"/var/lib/libvirt/lockd/files|3d0c9f|/var/lib/libvirt/lockd/files/3d0c9f|exclusive|web01|"+
			"01234567-89ab-cdef-0123-456789abcdef|3|4242|process|7|2026-11-20T13:23:41Z|2d 2h|8:1|131080|yes\n", "|", "\t"))
}

// TestWatch looks three times, and goes on while the daemon is away.
func TestWatch(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var s strings.Builder
	e := &env{out: &s, now: func() time.Time { return now }, width: 40, height: 5}
	looks := 0
	err := e.watch(ctx, time.Millisecond, func(context.Context) error {
		looks++
		switch looks {
		case 2:
			return errNoAnswer
		case 3:
			cancel()
		}
		fmt.Fprint(e.out, "a\nb\nc\nd\n\n")
		return nil
	})
	if err != nil {
		t.Errorf("watch: %v", err)
	}
	compare(t, s.String(), "\x1b[HEvery 1ms: 2026-11-22 16:23:41\x1b[K\na\x1b[K\nb\x1b[K\n… and 2 more\x1b[K\n\x1b[J"+
		"\x1b[HEvery 1ms: 2026-11-22 16:23:41\x1b[K\nerror: the daemon does not answer\x1b[K\n\x1b[J")
	if e.watch(t.Context(), 1, func(context.Context) error { return errNoAnswer }) != errNoAnswer {
		t.Error("goes on when there never was an answer")
	}
}

// TestWatchFollowsTheTerminal when it is made smaller.
func TestWatchFollowsTheTerminal(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var s strings.Builder
	widths := []int{40, 20}
	e := &env{out: &s, now: func() time.Time { return now }, lines: func() int { return 5 }}
	e.columns = func() int {
		width := widths[0]
		widths = widths[1:]
		return width
	}
	err := e.watch(ctx, time.Millisecond, func(context.Context) error {
		if fmt.Fprintln(e.out, e.width, e.height); len(widths) == 0 {
			cancel()
		}
		return nil
	})
	if err != nil || !strings.Contains(s.String(), "\n40 5\x1b[K\n") {
		t.Errorf("watch: %v, %q", err, s.String())
	}
	if e.width != 20 {
		t.Errorf("width %d", e.width)
	}
}

// TestWatchOnATerminal ends with 0 on Ctrl-C.
func TestWatchOnATerminal(t *testing.T) {
	h := newHouse(t)
	cmd := ourselves(t, "--socket", h.Socket, "list", "--watch", "0.1")
	term := openTerminal(t, cmd)
	term.expect("\x1b[HEvery 100ms: ")
	term.expect(h.image)
	term.expect("\x1b[HEvery 100ms: ")
	term.typeIn("\x03")
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
}

// TestWatchWithoutATerminal prints again each time.
func TestWatchWithoutATerminal(t *testing.T) {
	h := newHouse(t)
	cmd := ourselves(t, "--socket", h.Socket, "-q", "list", "--watch", "0.1")
	var out strings.Builder
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(time.Second, func() { _ = cmd.Process.Signal(unix.SIGINT) })
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
	if n := strings.Count(out.String(), h.image); n < 2 || strings.Contains(out.String(), "\x1b") {
		t.Errorf("shown %d times: %q", n, out.String())
	}
}

// ourselves is this test binary as the program itself.
func ourselves(t testing.TB, words ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", words...)
	cmd.Args[0] = "virtlock-admin"
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", "TERM=xterm")
	return cmd
}
