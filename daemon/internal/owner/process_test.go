package owner

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestFindTheLiving(t *testing.T) {
	c := start(t)
	p := c.find()
	defer p.Close()
	again := c.find()
	defer again.Close()
	self, err := Find(os.Getpid())
	must(t, err)
	defer self.Close()
	if p.PID != c.pid() || p.StartTime == 0 || p.StartTime != again.StartTime || p.StartTime < self.StartTime {
		t.Errorf("found %+v and %+v, after %+v", p, again, self)
	}
	if p.Exited() || self.Exited() {
		t.Error("a living process has exited")
	}
	c.kill()
	eventually(t, "both know that it has exited", func() bool { return p.Exited() && again.Exited() })
	c.reap()
	if !p.Exited() {
		t.Error("a process that was waited for lives again")
	}
}

func TestFindNobody(t *testing.T) {
	before := pidfds(t)
	c := start(t)
	p := c.find()
	c.kill()
	eventually(t, "it has exited", p.Exited)
	must(t, p.Close())
	gone := func(what string, pid int) {
		t.Helper()
		_, err := Find(pid)
		if err == nil {
			t.Fatalf("%s was found", what)
		}
		wantErr(t, err, ErrNoProcess)
		if want := fmt.Sprintf("find process %d: no such process", pid); err.Error() != want {
			t.Errorf("%s: %q, not %q", what, err, want)
		}
	}
	gone("a zombie", c.pid())
	c.reap()
	gone("a dead process", c.pid())
	gone("process 0", 0)
	gone("process -1", -1)
	gone("a group", -os.Getpid())
	gone("the smallest pid", math.MinInt32)
	gone("the largest pid", math.MaxInt32)
	gone("process 1 and more", 1<<32+1)
	gone("a thread", anotherThread(t))
	if n := pidfds(t); n != before {
		t.Errorf("%d pidfds, %d before", n, before)
	}
}

// anotherThread gives a thread of this process that is not its first.
func anotherThread(t *testing.T) int {
	t.Helper()
	threads, err := filepath.Glob("/proc/self/task/*")
	must(t, err)
	for _, th := range threads {
		if id, err := strconv.Atoi(filepath.Base(th)); err == nil && id != os.Getpid() {
			return id
		}
	}
	t.Fatal("this process has one thread only")
	return 0
}

func TestSignal(t *testing.T) {
	c, other := start(t), start(t)
	p, stays := c.find(), other.find()
	defer p.Close()
	defer stays.Close()
	must(t, p.Signal(unix.SIGTERM))
	eventually(t, "it has exited", p.Exited)
	must(t, p.Signal(unix.SIGKILL)) // a zombie takes it, and stays one
	c.reap()
	wantErr(t, p.Signal(unix.SIGKILL), ErrNoProcess)
	// A process that has the pid of one that is gone is another one: what is
	// signalled is what the pidfd was opened for.
	(&Process{PID: other.pid(), pidfd: p.pidfd}).Signal(unix.SIGKILL)
	if stays.Exited() {
		t.Error("another process of the same pid was killed")
	}
	if err := (&Process{pidfd: -1}).Signal(unix.SIGTERM); err == nil {
		t.Error("signalled nobody")
	}
}

// A descriptor number that is not a process's any more tells nothing.
func TestExitedOfAClosedDescriptor(t *testing.T) {
	fd, err := unix.Dup(int(os.Stdout.Fd()))
	must(t, err)
	unix.Close(fd)
	if (&Process{pidfd: fd}).Exited() {
		t.Error("a closed descriptor is a process that has exited")
	}
}

// stat is a line of /proc/PID/stat with a name and a start time.
func stat(name string, started uint64) string {
	return fmt.Sprintf("42 (%s) S 1 42 42 0 -1 4194560 5 6 7 8 9 10 11 12 20 0 1 0 %d 13 14 18446744073709551615\n", name, started)
}

func TestParseStartTime(t *testing.T) {
	for _, name := range []string{"sh", "", "a b", "a\nb", ") S 1 2 3", "(((", ")))", "x) R 1 (y", "\xff\x00"} {
		for _, want := range []uint64{0, 1, 12345, math.MaxUint64} {
			if got, err := parseStartTime([]byte(stat(name, want))); err != nil || got != want {
				t.Errorf("%q: %d, %v, not %d", name, got, err, want)
			}
		}
	}
	for _, bad := range []string{
		"", "42", "42 (sh)", "42 (sh) S 1 2", "no brackets 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23",
		strings.Replace(stat("sh", 77), "77", "-77", 1), strings.Replace(stat("sh", 77), "77", "7x", 1),
		strings.Replace(stat("sh", 77), "77", "18446744073709551616", 1),
	} {
		if got, err := parseStartTime([]byte(bad)); err == nil {
			t.Errorf("%q is %d", bad, got)
		}
	}
}

func FuzzParseStartTime(f *testing.F) {
	for _, name := range []string{"sh", ")", "(", "a) b (c", "\n", ""} {
		f.Add([]byte(stat(name, 7)), name, uint64(7))
	}
	f.Add([]byte("42 (sh) S"), "(sh", uint64(0))
	f.Fuzz(func(t *testing.T, raw []byte, name string, started uint64) {
		parseStartTime(raw) // must not panic
		if got, err := parseStartTime([]byte(stat(name, started))); err != nil || got != started {
			t.Errorf("%q: %d, %v, not %d", name, got, err, started)
		}
	})
}

func TestCommand(t *testing.T) {
	c := start(t)
	// It is "exe" from the start on: what the name of its file is.
	if got := Command(c.pid()); got != "exe" {
		t.Errorf("%q", got)
	}
	const odd = "a ) b\nc\n"
	must(t, os.WriteFile(fmt.Sprintf("/proc/%d/comm", os.Getpid()), []byte(odd), 0))
	if got := Command(os.Getpid()); got != strings.TrimRight(odd, "\n") {
		t.Errorf("%q", got)
	}
	p, err := Find(os.Getpid()) // whatever it calls itself
	must(t, err)
	must(t, p.Close())
	c.kill()
	c.reap()
	if got := Command(c.pid()); got != "" {
		t.Errorf("%q", got)
	}
}

func TestUID(t *testing.T) {
	if got, err := UID(os.Getpid()); err != nil || got != os.Geteuid() {
		t.Errorf("%d, %v", got, err)
	}
	c := start(t)
	c.kill()
	c.reap()
	_, err := UID(c.pid())
	wantErr(t, err, ErrNoProcess)
}
