// Package daemontest starts a real lock daemon inside a test, on sockets of its
// own, and gives clients of it.
//
//	d := daemontest.Start(t)
//	c := d.Client(t)
//	held, err := c.Acquire(ctx, ...)
//
// The locks are real: files in t.TempDir() serve well as disks. The daemon ends
// with the test. It needs no root.
package daemontest

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"

	"virtlock/client"
	"virtlock/daemon"
)

// Daemon is a daemon that serves.
type Daemon struct {
	*daemon.Daemon
	Socket      string // the path of its main socket
	AdminSocket string // the path of its admin socket
}

// Start starts a daemon with the default settings. The test fails if it cannot.
func Start(t testing.TB) *Daemon {
	t.Helper()
	return StartWith(t, func(*daemon.Config) {})
}

// StartWith is Start with a configuration that change has changed.
func StartWith(t testing.TB, change func(*daemon.Config)) *Daemon {
	t.Helper()
	// Not t.TempDir: a socket's path has at most 107 bytes (unix(7)), and that
	// of a test's directory has the test's name in it.
	dir, err := os.MkdirTemp("", "virtlock")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	d := &Daemon{Socket: filepath.Join(dir, "virtlockd-sock"), AdminSocket: filepath.Join(dir, "virtlockd-admin-sock")}
	config := daemon.Config{
		Listener: listen(t, d.Socket), AdminListener: listen(t, d.AdminSocket),
		Settings: daemon.DefaultSettings(), Version: "test",
	}
	change(&config)
	if d.Daemon, err = daemon.New(config); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- d.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Errorf("daemon: %v", err)
		}
	})
	return d
}

func listen(t testing.TB, path string) *net.UnixListener {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Client gives a client of the daemon, which ends with the test.
func (d *Daemon) Client(t testing.TB) *client.Client {
	t.Helper()
	c := &client.Client{Socket: d.Socket}
	t.Cleanup(func() { c.Close() })
	return c
}
