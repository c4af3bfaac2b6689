package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestPIDFile(t *testing.T) {
	h := newHost(t)
	h.write("run/virtlockd.pid", "1234567890123")
	p := h.start(ours)
	if got := h.read("run/virtlockd.pid"); got != fmt.Sprint(p.pid()) {
		t.Errorf("it has %q, want %d", got, p.pid())
	}
	info, err := os.Stat(h.pidFile())
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o644 {
		t.Errorf("its mode is %v", info.Mode())
	}
	checkContains(t, h.read("../../proc/locks"), fmt.Sprintf("POSIX  ADVISORY  WRITE %d ", p.pid()))
	p.end()
	if h.exists("run/virtlockd.pid") {
		t.Error("it is still there")
	}
}

// TestThePIDFileExcludesOthers starts each program while each other runs.
func TestThePIDFileExcludesOthers(t *testing.T) {
	for _, first := range []string{ours, theirs} {
		for _, second := range []string{ours, theirs} {
			h := newHost(t)
			running := h.start(first)
			got := h.run(daemonWords(second)...)
			if got.status != exitUsage {
				t.Errorf("%s beside %s: status %d", second, first, got.status)
			}
			checkContains(t, got.stderr, "Failed to acquire pid file '/run/virtlockd.pid': Resource temporarily unavailable")
			if second == ours {
				checkContains(t, got.stderr, fmt.Sprintf(` (held by pid %d, "virtlockd")`, running.pid()))
			}
			if _, served := servedBy(h.socket()); !served || h.read("run/virtlockd.pid") != fmt.Sprint(running.pid()) {
				t.Errorf("%s beside %s: the first one was disturbed", second, first)
			}
			running.end()
		}
	}
}

func TestAPIDFileThatWasReplacedStays(t *testing.T) {
	h := newHost(t)
	p := h.start(ours)
	if err := os.Remove(h.pidFile()); err != nil {
		t.Fatal(err)
	}
	h.write("run/virtlockd.pid", "1")
	p.end()
	if got := h.read("run/virtlockd.pid"); got != "1" {
		t.Errorf("got %q", got)
	}
}

func TestPIDFileOfTheCommandLine(t *testing.T) {
	h := newHost(t)
	p := h.start(ours, "-p", "relative.pid")
	if got := h.read("work/relative.pid"); got != fmt.Sprint(p.pid()) {
		t.Errorf("got %q", got)
	}
	p.end()
	if h.exists("work/relative.pid") || h.exists("run/virtlockd.pid") {
		t.Error("a PID file is left")
	}
}

func TestNoPIDFile(t *testing.T) {
	h := newHost(t)
	p := h.start(ours, "-p", "")
	if h.exists("run/virtlockd.pid") {
		t.Error("there is a PID file")
	}
	p.end()
}

func TestPIDFilesThatCannotBeHad(t *testing.T) {
	h := newHost(t)
	for _, path := range []string{"/no/such/dir/x.pid", "/run"} {
		want, got := h.run(daemonWords(theirs, "-p", path)...), h.run(daemonWords(ours, "-p", path)...)
		if got.status != exitUsage || want.status != exitUsage || lastLine(got.stderr) != lastLine(want.stderr) {
			t.Errorf("%s: got %+v, the real one %+v", path, got, want)
		}
	}
}

func TestAFullDiskUnderThePIDFile(t *testing.T) {
	h := newHost(t)
	const words = `mount -t tmpfs -o size=4k tmpfs "$PWD" && cd "$PWD" && head -c 8k /dev/zero >filler 2>/dev/null; exec "$@"`
	got := h.run("sh", "-c", words, "sh", ours, "-f", "/dev/null", "-p", "full.pid")
	if got.status != exitUsage || !strings.Contains(got.stderr, "No space left on device") {
		t.Errorf("got %+v", got)
	}
}
