package main

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// oneAnswer serves a socket with one answer for all questions, and counts the
// connections until stop.
func oneAnswer(t *testing.T, socket, answer string) (connections func() int, stop func()) {
	t.Helper()
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var (
		mu    sync.Mutex
		conns []net.Conn
		work  sync.WaitGroup
	)
	serve := func(c net.Conn) {
		for buffer := make([]byte, 4096); ; {
			n, err := c.Read(buffer)
			if err != nil {
				return
			}
			_, id, _ := strings.Cut(string(buffer[:n]), `"id":`)
			id, _, _ = strings.Cut(id, ",")
			_, _ = io.WriteString(c, `{"jsonrpc":"2.0","id":`+id+","+answer+"}\n")
		}
	}
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			work.Go(func() { serve(c) })
		}
	})
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(conns)
	}
	return count, func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		work.Wait()
	}
}

// TestSessionSurvivesARestart has a daemon that ends and comes back between two
// commands of a session. They use one connection as long as it lasts, and nobody
// hears of the end.
func TestSessionSurvivesARestart(t *testing.T) {
	dir, err := os.MkdirTemp("", "admin")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "s")
	first, stop := oneAnswer(t, socket, `"result":{"version":"first","protocol":1,"pid":1}`)
	var out, errors bytes.Buffer
	read, write := io.Pipe()
	e := &env{in: read, out: &out, err: &errors, now: func() time.Time { return now }}
	status := make(chan int)
	go func() { status <- run(t.Context(), e, []string{"-q", "--socket", socket}) }()
	say := func(line string) {
		if _, err := io.WriteString(write, line+"\n"); err != nil {
			t.Error(err)
		}
	}
	say("version; version")
	say("version") // read when the line before was carried out
	say("# and so was this one")
	if got := first(); got != 1 {
		t.Errorf("%d connections for four questions", got)
	}
	stop()
	second, stop := oneAnswer(t, socket, `"result":{"version":"second","protocol":1,"pid":2}`)
	defer stop()
	say("version; version")
	_ = write.Close()
	if got := <-status; got != exitOK || errors.Len() > 0 {
		t.Errorf("status %d, error %q", got, errors.String())
	}
	if n := strings.Count(out.String(), "first"); n != 3 {
		t.Errorf("%d answers of the first daemon:\n%s", n, out.String())
	}
	if n := strings.Count(out.String(), "second"); n != 2 || second() != 1 {
		t.Errorf("%d answers of the second daemon on %d connections:\n%s", n, second(), out.String())
	}
}

// TestDaemonOfAnotherVersion does not know what it is asked.
func TestDaemonOfAnotherVersion(t *testing.T) {
	socket := answering(t, `"error":{"code":-32601,"message":"unknown method","data":{"code":"invalid"}}`)
	got := runLine(t, 0, "--socket", socket, "list")
	if got.status != exitFailed {
		t.Errorf("status %d", got.status)
	}
	compare(t, got.err, "error: the daemon does not know \"lock.list\"\n"+
		"hint: it is of another version: virtlock-admin version shows which; after an upgrade, virtlock-admin reexec starts the new one\n")
}

// TestErrorsAreHarmless whatever the daemon says.
func TestErrorsAreHarmless(t *testing.T) {
	socket := answering(t, `"error":{"code":-32000,"message":"a\u001b[2J\nhint: b\u009b","data":{"code":"io","hint":"c\u202ed"}}`)
	got := runLine(t, 0, "--socket", socket, "list")
	compare(t, got.err, "error: a\\x1b[2J\\nhint: b\\u009b\nhint: c\\u202ed\n")
	out := runLine(t, 0, "--socket", socket, "who", newImage(t, "disk.raw")).out
	if !strings.Contains(out, "Not asked:      the daemon: a\\x1b[2J\\nhint: b\\u009b\n") {
		t.Errorf("who:\n%s", out)
	}
	compare(t, runLine(t, 0, "echo", "--err", "a\nb").err, "error: a\nb\n")
}

// TestReadOnlyRefusesWhatChanges goes through the whole table: no command that
// changes something gets as far as its daemon.
func TestReadOnlyRefusesWhatChanges(t *testing.T) {
	for _, c := range commands() {
		if !c.changes {
			continue
		}
		app := newApp(&env{session: globals{readonly: true}})
		err := app.RunContext(t.Context(), []string{app.Name, c.Name})
		if _, ok := err.(*readonlyError); !ok {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
}

// TestCommandsHaveGroups keeps help complete: it lists by group.
func TestCommandsHaveGroups(t *testing.T) {
	names := map[string]bool{}
	for _, c := range commands() {
		for _, name := range c.Names() {
			if names[name] {
				t.Errorf("two commands are called %s", name)
			}
			names[name] = true
		}
		if !c.Hidden && findGroup(c.Category) == nil {
			t.Errorf("%s is in no group: %q", c.Name, c.Category)
		}
	}
}
