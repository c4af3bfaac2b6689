package main

import (
	"net"
	"path/filepath"
	"testing"
	"time"
)

// TestSilentDaemon has a socket that the kernel accepts connections on, and
// nobody who answers, as with a daemon that is stopped.
func TestSilentDaemon(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, words := range [][]string{{"status", "-q"}, {"list"}, {"inspect", "/x"}} {
		got := runLine(t, 0, append([]string{"--timeout", "0.05", "--socket", socket}, words...)...)
		if got.status != exitUnreachable || got.out != "" {
			t.Errorf("%q: status %d, output %q", words, got.status, got.out)
		}
		compare(t, got.err, "error: the daemon does not answer\n"+
			"hint: it may be stopped, very busy, or waiting for storage; --timeout SECONDS waits longer\n")
	}
}

func TestParseTimeout(t *testing.T) {
	tests := map[string]time.Duration{
		"0": 0, "10": 10 * time.Second, "0.5": 500 * time.Millisecond, "1e-12": 1, "1e300": longestTimeout, "Inf": longestTimeout,
	}
	for word, want := range tests {
		if got, err := parseTimeout(word); err != nil || got != want {
			t.Errorf("parseTimeout(%q) = %v, %v; want %v", word, got, err, want)
		}
	}
	for _, word := range []string{"", "-1", "NaN", "10s"} {
		if got, err := parseTimeout(word); err == nil {
			t.Errorf("parseTimeout(%q) = %v", word, got)
		}
	}
}

func TestNoTimeoutHasNoDeadline(t *testing.T) {
	ctx, cancel := (&env{}).limit(t.Context())
	defer cancel()
	if deadline, ok := ctx.Deadline(); ok {
		t.Errorf("deadline = %v", deadline)
	}
}
