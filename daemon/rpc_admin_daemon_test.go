package daemon_test

import (
	"net"
	"path/filepath"
	"testing"
	"time"

	"virtlock/daemon"
	"virtlock/daemon/internal/virnet"
)

// served is a daemon whose end is watched.
type served struct {
	main, admin string
	ended       <-chan error // what Serve returned
}

// serve starts a daemon that only its clients end.
func serve(t *testing.T) served {
	t.Helper()
	dir := shortDir(t)
	s := served{main: filepath.Join(dir, "main"), admin: filepath.Join(dir, "admin")}
	config := daemon.Config{Settings: daemon.DefaultSettings()}
	for path, to := range map[string]**net.UnixListener{s.main: &config.Listener, s.admin: &config.AdminListener} {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		*to = l
	}
	d, err := daemon.New(config)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	s.ended = ended
	go func() {
		defer close(ended)
		ended <- d.Serve(t.Context()) // which ends before Cleanup
	}()
	t.Cleanup(func() {
		for range ended {
		}
	})
	return s
}

// wait waits until the daemon has ended well.
func (s served) wait(t *testing.T) {
	t.Helper()
	select {
	case err := <-s.ended:
		if err != nil {
			t.Errorf("the daemon ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the daemon does not end")
	}
}

// TestAdminTimeout demands that a timeout set at run time ends the daemon once
// its last client has gone, and not before.
func TestAdminTimeout(t *testing.T) {
	s := serve(t)
	stays := dialRPC(t, s.main)
	a := dialAdmin(t, s.admin)
	a.must(t, virnet.AdminSetDaemonTimeout, virnet.TimeoutArgs{Seconds: 1})
	a.must(t, virnet.AdminConnectClose, rawArgs(nil))
	if !stays.answersPing() {
		t.Fatal("the daemon left with a client there")
	}
	select {
	case err := <-s.ended:
		t.Fatalf("the daemon left with a client there: %v", err)
	default:
	}
	stays.Close()
	s.wait(t)
}

// TestAdminShutdown demands that the one who ends the daemon gets an answer,
// that Serve ends well, and that nobody is killed.
func TestAdminShutdown(t *testing.T) {
	for name, flags := range map[string]uint32{"plain": 0, "preserve": virnet.ShutdownPreserve} {
		t.Run(name, func(t *testing.T) {
			s := serve(t)
			guest := newGuest(t)
			owner := dialRPC(t, s.main)
			if err := owner.register(guest.PID); err != nil {
				t.Fatal(err)
			}
			if err := owner.acquire("", newFile(t, t.TempDir(), "disk")); err != nil {
				t.Fatal(err)
			}
			a := dialAdmin(t, s.admin)
			a.must(t, virnet.AdminDaemonShutdown, virnet.FlagsArgs{Flags: flags})
			s.wait(t)
			if !guest.lives() {
				t.Error("the guest was killed")
			}
			if c, err := net.Dial("unix", s.admin); err == nil {
				c.Close()
				t.Error("the daemon still listens")
			}
		})
	}
}
