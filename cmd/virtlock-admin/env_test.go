package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"virtlock/client"
	"virtlock/client/api"
	"virtlock/daemon"
	"virtlock/daemon/daemontest"
)

func TestSockets(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "/run/user/1000")
	both := func(dir string) string { return dir + "/virtlockd-admin-sock " + dir + "/virtlockd-sock" }
	own := both(filepath.Dir(client.DefaultSocket()))
	tests := map[string]struct {
		environment string
		options     globals
		want        string
	}{
		"Default":     {"", globals{}, own},
		"System":      {"", globals{uri: "virtlockd:///system"}, both("/run/libvirt")},
		"Session":     {"", globals{uri: "virtlockd:///session"}, both("/run/user/1000/libvirt")},
		"Environment": {"virtlockd:///session", globals{}, both("/run/user/1000/libvirt")},
		"OptionWins":  {"virtlockd:///session", globals{uri: "virtlockd:///system"}, both("/run/libvirt")},
		"URISocket":   {"", globals{uri: "virtlockd:///system?socket=/s"}, "/s"},
		"SocketWins":  {"rubbish", globals{uri: "virtlockd:///system", socket: "/s"}, "/s"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv(defaultURI, test.environment)
			e := &env{options: test.options}
			got, err := e.sockets()
			if err != nil || strings.Join(got, " ") != test.want {
				t.Errorf("sockets = %q, %v; want %q", got, err, test.want)
			}
		})
	}
}

// TestFullDaemonStillAnswers fills up one socket after the other.
func TestFullDaemonStillAnswers(t *testing.T) {
	d := daemontest.StartWith(t, func(config *daemon.Config) {
		config.Settings.MaxClients, config.Settings.AdminMaxClients = 1, 1
	})
	// The daemon's sockets, as the session's.
	dir := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", dir)
	if err := os.Symlink(filepath.Dir(d.Socket), filepath.Join(dir, "libvirt")); err != nil {
		t.Fatal(err)
	}
	status := func() result { return runLine(t, 0, "-c", "virtlockd:///session", "-q", "status") }
	fill := func(socket string) {
		for {
			c := &client.Client{Socket: socket}
			t.Cleanup(func() { c.Close() })
			_, err := c.Status(t.Context())
			if errors.Is(err, client.ErrLimit) {
				continue // the place of the last command is not free yet
			}
			if err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	fill(d.Socket)
	if got := status(); got.status != exitOK {
		t.Errorf("with the main socket full: %+v", got)
	}
	fill(d.AdminSocket)
	if got := status(); got.status != exitFailed || !strings.Contains(got.err, "max_clients") {
		t.Errorf("with both sockets full: %+v", got)
	}
}

func TestFallsBackToMainSocket(t *testing.T) {
	d := daemontest.Start(t)
	dir := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", dir)
	if err := os.Mkdir(filepath.Join(dir, "libvirt"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(d.Socket, filepath.Join(dir, "libvirt", client.MainSocket)); err != nil {
		t.Fatal(err)
	}
	runOK(t, "-c", "virtlockd:///session", "status")
}

func TestUnreachable(t *testing.T) {
	t.Setenv(defaultURI, "virtlockd:///system?socket=/nowhere/sock")
	got := runLine(t, 0, "status")
	if got.status != exitUnreachable || got.out != "" {
		t.Errorf("status %d, output %q", got.status, got.out)
	}
	compare(t, got.err, "error: connect to \"/nowhere/sock\": no such file or directory\n"+
		"hint: is virtlockd running? It may also listen on another socket\n")
}

// TestOwnSessionHint is a user with no daemon of its own.
func TestOwnSessionHint(t *testing.T) {
	t.Setenv(defaultURI, "")
	none := &client.UnreachableError{Socket: "/nowhere", Err: os.ErrNotExist}
	tests := map[string]struct {
		uid     int
		options globals
		want    bool
	}{
		"User":           {1000, globals{}, true},
		"UserNamedIt":    {1000, globals{uri: "virtlockd:///session"}, false},
		"UserNamedASock": {1000, globals{socket: "/nowhere"}, false},
		"Root":           {0, globals{}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var s strings.Builder
			e := &env{err: &s, uid: test.uid, options: test.options}
			if status := e.report(none); status != exitUnreachable {
				t.Errorf("status = %d", status)
			}
			if got := strings.Contains(s.String(), "sudo virtlock-admin"); got != test.want {
				t.Errorf("printed:\n%s", s.String())
			}
		})
	}
}

func TestExplain(t *testing.T) {
	codes := map[api.Code]int{
		api.CodeBusy: exitBusy, api.CodeNotFound: exitNotFound, api.CodeDenied: exitDenied,
		api.CodeInvalid: exitUsage, api.CodeLimit: exitFailed, api.CodeIO: exitFailed, api.CodeRefused: exitFailed,
	}
	for code, want := range codes {
		message, hint, status := explain(&client.Error{Op: "x", Code: code, Message: "no", Hint: "why"})
		if message != "no" || hint != "why" || status != want {
			t.Errorf("%s = %q, %q, %d; want status %d", code, message, hint, status, want)
		}
	}
	if _, hint, status := explain(client.ErrBroken); hint == "" || status != exitUnreachable {
		t.Errorf("broken = %q, %d", hint, status)
	}
}
