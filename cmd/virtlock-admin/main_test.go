package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"virtlock/client"
	"virtlock/client/api"
	"virtlock/daemon/daemontest"
)

// now is the time of all goldens.
var now = time.Date(2026, 11, 22, 16, 23, 41, 0, time.FixedZone("", 3600))

// result is what a command line did.
type result struct {
	out, err string
	status   int
}

// runLine runs a command line, as on a terminal of the given width.
func runLine(t *testing.T, width int, words ...string) result {
	t.Helper()
	return runInput(t, "", width, words...)
}

// runInput is runLine with a text on standard input.
func runInput(t *testing.T, input string, width int, words ...string) result {
	t.Helper()
	var out, err bytes.Buffer
	e := &env{in: strings.NewReader(input), out: &out, err: &err, now: func() time.Time { return now }, width: width}
	status := run(t.Context(), e, words)
	return result{out.String(), err.String(), status}
}

// runOK runs a command line that has to succeed, and returns its output.
func runOK(t *testing.T, words ...string) string {
	t.Helper()
	r := runLine(t, 0, words...)
	if r.status != exitOK || r.err != "" {
		t.Fatalf("%q: status %d, error %q", words, r.status, r.err)
	}
	return r.out
}

// compare compares whole outputs.
func compare(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// house is a daemon with a guest that holds a disk.
type house struct {
	*daemontest.Daemon
	guest *client.Client
	image string
}

func newHouse(t *testing.T) house {
	t.Helper()
	h := house{Daemon: daemontest.Start(t)}
	h.guest = h.Client(t)
	h.guest.Owner = api.Owner{Name: "web01", UUID: "01234567-89ab-cdef-0123-456789abcdef", ID: 7}
	h.image = newFile(t, "web01.raw")
	h.hold(t, h.guest, api.Resource{Name: h.image})
	return h
}

func newFile(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (h house) hold(t *testing.T, c *client.Client, r api.Resource) api.Lock {
	t.Helper()
	held, err := c.Acquire(t.Context(), 0, r)
	if err != nil {
		t.Fatal(err)
	}
	return held.Locks()[0]
}

// ask runs a command line that asks this daemon and has to succeed.
func (h house) ask(t *testing.T, words ...string) string {
	t.Helper()
	return runOK(t, append([]string{"--socket", h.Socket}, words...)...)
}

// fields are the words of a table's rows, without header and line.
func fields(table string) [][]string {
	var rows [][]string
	for i, line := range strings.Split(strings.TrimSpace(table), "\n") {
		if i > 1 {
			rows = append(rows, strings.Fields(line))
		}
	}
	return rows
}
