package client_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"virtlock/client"
)

func TestParseURI(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "/run/user/1000")
	tests := map[string]struct {
		want client.Address
		err  string
	}{
		"virtlockd:///system":                   {want: client.Address{Dir: "/run/libvirt"}},
		"virtlockd:///session":                  {want: client.Address{Dir: "/run/user/1000/libvirt"}},
		"virtlockd:///system?socket=/tmp/a%20b": {want: client.Address{Socket: "/tmp/a b"}},
		"virtlockd:///session?socket=":          {want: client.Address{Dir: "/run/user/1000/libvirt"}},
		"virtlockd:///embed":                    {err: `unknown path "/embed"`},
		"virtlockd:///system?mode=legacy":       {err: "only parameter is socket"},
		"virtlockd:///system?socket=%zz":        {err: "invalid URL escape"},
		"libvirtd:///system":                    {err: "want virtlockd:///system"},
		"virtlockd://host/system":               {err: "want virtlockd:///system"},
		"virtlockd:system":                      {err: "want virtlockd:///system"},
		"":                                      {err: "want virtlockd:///system"},
		"\x00":                                  {err: "invalid control character"},
	}
	for uri, test := range tests {
		t.Run(uri, func(t *testing.T) {
			got, err := client.ParseURI(uri)
			if got != test.want || (err == nil) != (test.err == "") {
				t.Fatalf("ParseURI = %+v, %v", got, err)
			}
			if err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("ParseURI = %v, want %q in it", err, test.err)
			}
		})
	}
}

func TestSessionDir(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "")
	t.Setenv("XDG_CACHE_HOME", "/cache")
	if got := client.SessionDir(); got != "/cache/libvirt" {
		t.Errorf("SessionDir = %q", got)
	}
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "/home/me")
	if got := client.SessionDir(); got != "/home/me/.cache/libvirt" {
		t.Errorf("SessionDir = %q", got)
	}
}

func TestUnreachableSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, "stale")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{
		filepath.Join(dir, "missing"): "is virtlockd running",
		stale:                         "start virtlockd",
		filepath.Join(plain, "below"): "is this the socket",
	}
	for socket, hint := range tests {
		t.Run(filepath.Base(socket), func(t *testing.T) {
			c := client.Client{Socket: socket}
			_, err := c.Status(t.Context())
			var unreachable *client.UnreachableError
			if !errors.Is(err, client.ErrUnreachable) || !errors.As(err, &unreachable) {
				t.Fatalf("Status = %v, want *UnreachableError", err)
			}
			if !strings.Contains(unreachable.Hint(), hint) || strings.Count(err.Error(), socket) != 1 {
				t.Errorf("error %q, hint %q", err, unreachable.Hint())
			}
		})
	}
}
