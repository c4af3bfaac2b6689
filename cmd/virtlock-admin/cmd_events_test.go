package main

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/client"
	"virtlock/client/api"
	"virtlock/daemon"
	"virtlock/daemon/daemontest"
)

// TestEventsFirst ends after the first event of the type.
func TestEventsFirst(t *testing.T) {
	h := newHouse(t)
	done := make(chan result)
	go func() {
		done <- runLine(t, 0, "--socket", h.Socket, "--timeout", "20", "events", "--type", "lock.acquired")
	}()
	subscribed(t, h.guest)
	image := newFile(t, "b.raw")
	h.hold(t, h.guest, api.Resource{Name: image})
	got := <-done
	if got.status != exitOK || !strings.HasSuffix(got.out, " lock.acquired: "+image+", exclusive, web01 (pid "+pidOf(os.Getpid())+")\n") {
		t.Errorf("events: %+v", got)
	}
}

func pidOf(pid int) string { return rowPID(pid) }

// subscribed waits until somebody listens.
func subscribed(t *testing.T, c *client.Client) {
	t.Helper()
	eventually(t, "somebody has subscribed", func() bool {
		status, err := c.Status(t.Context())
		return err == nil && status.Subscribers > 0
	})
}

func TestEventsInTime(t *testing.T) {
	h := newHouse(t)
	got := runLine(t, 0, "--socket", h.Socket, "events", "--timeout", "0.05", "--type", "owner.*")
	if got.status != exitFailed || got.err != "error: no event came in time\n" {
		t.Errorf("events: %+v", got)
	}
	got = runLine(t, 0, "--socket", h.Socket, "event", "--loop", "--timestamp", "--timeout", "0.05", "--type", "owner.*")
	if got.status != exitOK || got.err != "" {
		t.Errorf("events --loop: %+v", got)
	}
	got = runLine(t, 0, "--socket", h.Socket, "events", "--type", "lock.*,")
	if got.status != exitUsage {
		t.Errorf("an empty type: %+v", got)
	}
	if got = runLine(t, 0, "--socket", "/nowhere", "events", "--loop"); got.status != exitUnreachable {
		t.Errorf("without a daemon: %+v", got)
	}
}

// TestEventsGoOn follows a daemon that ends and comes back on the same socket.
func TestEventsGoOn(t *testing.T) {
	dir, err := os.MkdirTemp("", "virtlock")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "sock")
	var first *daemontest.Daemon
	cmd := ourselves(t, "--socket", socket, "--json", "events", "--loop", "--type", "lockspace.created")
	cmd.Stderr = nil
	t.Run("FirstDaemon", func(t *testing.T) {
		first = daemontest.Start(t)
		if err := os.Symlink(first.Socket, socket); err != nil {
			t.Fatal(err)
		}
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		stderr, err := cmd.StderrPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(stdout)
		t.Run("SecondDaemon", func(t *testing.T) {
			subscribed(t, first.Client(t))
			create(t, first.Client(t), lines)
			second := daemontest.Start(t)
			if err := os.Remove(socket); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(second.Socket, socket); err != nil {
				t.Fatal(err)
			}
			disconnectAll(t, first)
			said := bufio.NewReader(stderr)
			if line, _ := said.ReadString('\n'); line != "the daemon is away: waiting for it\n" {
				t.Errorf("says %q", line)
			}
			if line, _ := said.ReadString('\n'); !strings.HasPrefix(line, "the daemon is back: ") {
				t.Errorf("says %q", line)
			}
			create(t, second.Client(t), lines)
			_ = cmd.Process.Signal(unix.SIGINT)
			if err := cmd.Wait(); err != nil {
				t.Errorf("ended with %v", err)
			}
		})
	})
}

// create makes a lockspace and reads the event of that.
func create(t *testing.T, c *client.Client, lines *bufio.Reader) {
	t.Helper()
	if err := c.CreateLockspace(t.Context(), filepath.Join(t.TempDir(), "space")); err != nil {
		t.Fatal(err)
	}
	line, err := lines.ReadString('\n')
	var event api.Event
	if err == nil {
		err = json.Unmarshal([]byte(line), &event)
	}
	if err != nil || event.Type != api.EventLockspaceCreated {
		t.Errorf("line %q, %v", line, err)
	}
}

// disconnectAll closes all connections but its own.
func disconnectAll(t *testing.T, d *daemontest.Daemon) {
	t.Helper()
	c := d.Client(t)
	clients, err := c.Clients(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range clients {
		_ = c.CloseClient(t.Context(), other.ID, "test") // not ourselves
	}
}

// historyHouse is a daemon that keeps a history.
func historyHouse(t *testing.T) house {
	t.Helper()
	file := filepath.Join(t.TempDir(), "audit.log")
	h := house{Daemon: daemontest.StartWith(t, func(c *daemon.Config) { c.Settings.AuditFile = file })}
	h.guest = h.Client(t)
	h.guest.Owner = api.Owner{Name: "web01", UUID: handUUID, ID: 7}
	h.image = newFile(t, "web01.raw")
	h.hold(t, h.guest, api.Resource{Name: h.image})
	return h
}

// TestHistoryOnANarrowTerminal cuts nothing off.
func TestHistoryOnANarrowTerminal(t *testing.T) {
	h := historyHouse(t)
	got := runLine(t, 60, "--socket", h.Socket, "history", "--type", "lock.*")
	want := regexp.MustCompile(`(?s)^[-0-9]{10} [0-9:]{8}  lock\.acquired  by \S+ \(pid \d+\)\n    ` + regexp.QuoteMeta(h.image) +
		`,\s+exclusive,\s+web01\s+\(pid\s+\d+\)\n\n$`)
	if !want.MatchString(got.out) {
		t.Errorf("history:\n%s", got.out)
	}
}

func TestShowHistory(t *testing.T) {
	h := historyHouse(t)
	rows := func(options ...string) []string {
		words := append([]string{"--socket", h.Socket, "-q", "history", "--format", "type,name,owner,pid,by"}, options...)
		var out, err strings.Builder
		e := &env{out: &out, err: &err, now: time.Now}
		if status := run(t.Context(), e, words); status != exitOK {
			t.Fatalf("%q: status %d, %s", options, status, err.String())
		}
		return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	}
	us := commandName(os.Getpid()) + " (pid " + pidOf(os.Getpid()) + ")"
	want := strings.Join([]string{"lock.acquired", h.image, "web01", pidOf(os.Getpid()), us}, "\t")
	for _, options := range [][]string{
		{"--type", "lock.*"},
		{"--name", "*/web01.raw"},
		{"--owner", "web01"},
		{"--lockspace", "direct", "--limit", "1"},
		{"--since", "1h", "--type", "lock.*"},
		{"--since", "yesterday", "--owner", "web01"},
	} {
		if got := rows(options...); len(got) != 1 || got[0] != want {
			t.Errorf("%q: %q, want %q", options, got, want)
		}
	}
	for _, options := range [][]string{{"--until", "1h"}, {"--owner", "web02"}, {"--since", "2099-01-01"}} {
		if got := rows(options...); len(got) != 1 || got[0] != "" {
			t.Errorf("%q: %q, want nothing", options, got)
		}
	}
	out := h.ask(t, "history", "--type", "lock.*")
	if !strings.HasPrefix(out, " Time                  Type            What") || !strings.Contains(out, h.image+", exclusive, web01 (pid ") {
		t.Errorf("history:\n%s", out)
	}
	var result api.AuditResult
	if err := json.Unmarshal([]byte(h.ask(t, "--json", "history", "--limit", "1")), &result); err != nil || len(result.Records) != 1 {
		t.Errorf("--json: %+v, %v", result, err)
	}
}

func TestParseMoment(t *testing.T) {
	e := &env{now: func() time.Time { return now }}
	for word, want := range map[string]string{
		"2h": "2026-11-22T14:23:41+01:00", "90": "2026-11-22T16:22:11+01:00", "1d": "2026-11-21T16:23:41+01:00",
		"1d12h": "2026-11-21T04:23:41+01:00", "10:30": "2026-11-22T10:30:00+01:00", "today": "2026-11-22T00:00:00+01:00",
		"yesterday": "2026-11-21T00:00:00+01:00", "now": "2026-11-22T16:23:41+01:00", "2026-11-20": "2026-11-20T00:00:00+01:00",
		"2026-11-20 10:30": "2026-11-20T10:30:00+01:00", "2026-11-20T10:30:00Z": "2026-11-20T10:30:00Z",
	} {
		if got, err := e.parseMoment("--since", word); err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("parseMoment(%q) = %v, %v; want %s", word, got, err, want)
		}
	}
	for _, word := range []string{"", "soon", "-1h", "d", "1x", "2026-13-01", "25:00"} {
		if got, err := e.parseMoment("--since", word); err == nil {
			t.Errorf("parseMoment(%q) = %v", word, got)
		}
	}
}
