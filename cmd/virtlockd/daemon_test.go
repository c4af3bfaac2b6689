package main

import (
	"net"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestTheLimitOfOpenFilesIsRaised(t *testing.T) {
	h := newHost(t)
	p := h.startWords("sh", "-c", `ulimit -S -n 100 && exec "$@"`, "sh", ours, "-f", "virtlockd.conf")
	limits, err := os.ReadFile("/proc/" + h.read("run/virtlockd.pid") + "/limits")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`Max open files +(\d+) +(\d+)`).FindStringSubmatch(string(limits))
	if m == nil || m[1] != m[2] || m[1] == "100" {
		t.Errorf("got %q", m)
	}
	p.end()
}

// TestTimeout keeps a client connected for longer than the timeout, and then
// lets the daemon go.
func TestTimeout(t *testing.T) {
	h := newHost(t)
	p := startCommand(t, h.command(daemonWords(ours, "-t", "1")...))
	var conn net.Conn
	eventually(t, "a connection", func() (ok bool) {
		var err error
		conn, err = net.Dial("unix", h.socket())
		return err == nil
	})
	defer conn.Close()
	askOn(t, conn, "daemon.status")
	select {
	case <-p.done:
		t.Fatalf("it left a client alone: %s", p.stderr)
	case <-time.After(1500 * time.Millisecond):
	}
	askOn(t, conn, "daemon.status")
	conn.Close()
	closed := time.Now()
	if got := p.wait(); got.status != exitOK {
		t.Errorf("got %+v", got)
	}
	if after := time.Since(closed); after < 900*time.Millisecond {
		t.Errorf("it left after %v", after)
	}
	if h.exists("run/virtlockd.pid") || h.exists("run/libvirt/virtlockd-sock") {
		t.Error("files are left")
	}
}

func TestNoTimeout(t *testing.T) {
	h := newHost(t)
	h.start(ours, "-t", "0", "extra", "words").end()
}

// Variables that were meant for this process alone are not in its environment,
// which a program that it becomes would get.
func TestTheEnvironmentIsCleaned(t *testing.T) {
	for _, name := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", statusVariable} {
		t.Setenv(name, "1")
	}
	if _, err := takeActivation(); err != nil {
		t.Error(err)
	}
	if p := findParent(); p != nil {
		t.Errorf("descriptor 1 was taken for a parent's: %v", p)
	}
	for _, variable := range os.Environ() {
		if strings.HasPrefix(variable, "LISTEN_") || strings.HasPrefix(variable, statusVariable) {
			t.Errorf("there still is %s", variable)
		}
	}
}
