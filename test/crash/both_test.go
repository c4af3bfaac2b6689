package crash

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
	"virtlock/test/bed"
)

// When daemon and keeper have both ended nobody keeps the locks, and the journal
// is all that is left.

const journalPath = "/run/libvirt/virtlockd-journal"

// killBoth ends daemon and keeper at once, and takes the locks of the busy guest
// before.
func killBoth(t *testing.T) *scene {
	t.Helper()
	s := newScene(t, 2)
	s.must(dialJSON(t, s.host), caller.acquire)
	s.killBoth()
	return s
}

func (s *scene) killBoth() {
	s.t.Helper()
	keeper := s.host.Keeper()
	if keeper == 0 {
		s.t.Fatal("there is no keeper")
	}
	s.first.Signal(unix.SIGSTOP) // so that it starts no other one
	unix.Kill(keeper, unix.SIGKILL)
	s.first.Stop(unix.SIGKILL)
	bed.Eventually(s.t, "the locks are free", func() bool { return !s.locked(s.held) })
}

// restart starts the next daemon, and gives its status.
func (s *scene) restart() (*bed.Process, *bed.Conn, api.Status) {
	s.t.Helper()
	lockd := s.host.StartVirtlockd()
	c := s.host.Connect()
	return lockd, c, statusOf(c)
}

func statusOf(c *bed.Conn) (s api.Status) {
	c.Must(api.DaemonStatus, api.Empty{}, &s)
	return s
}

func TestBothDied(t *testing.T) {
	t.Parallel()
	s := killBoth(t)
	lockd, c, _ := s.restart()
	if log := lockd.Log(); !strings.Contains(log, "warning : daemon : took back what a former daemon had granted, and had no keeper locks=3 ") {
		t.Errorf("nothing warns of it:\n%s", log)
	}
	locks := c.Locks()
	s.wantListed(locks, s.held, s.holder, true)
	for _, r := range s.wanted {
		s.wantListed(locks, r, s.busy, true)
	}
	s.wantKept(c)
	t.Log("daemon and keeper killed: the journal gave all 3 locks back")
	s.finish([]bool{true, true})
}

// A guest that ended while nobody looked has lost its locks, and the lease that was
// made for it is gone.
func TestBothDiedAndAnOwnerToo(t *testing.T) {
	t.Parallel()
	s := killBoth(t)
	s.busy.Stop(unix.SIGKILL)
	_, c, status := s.restart()
	s.wantListed(c.Locks(), s.held, s.holder, true)
	bed.Eventually(t, "the dead guest has no lock", func() bool { return len(c.Locks()) == 1 })
	if len(status.Missing) > 0 {
		t.Errorf("a dead guest's locks are missed: %+v", status.Missing)
	}
	if _, err := os.Stat(pathOf(s.wanted[1])); err == nil {
		t.Error("the lease is there after its guest's end")
	}
}

// Somebody else takes the lock in between: that has to be said, loudly, until it
// can be mended.
func TestBothDiedAndAnotherTookTheLock(t *testing.T) {
	t.Parallel()
	for _, kind := range []bed.Kind{bed.POSIX, bed.OFD} {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			s := killBoth(t)
			foreign := kind.Foreign(t, pathOf(s.held), unix.F_WRLCK)
			lockd, c, status := s.restart()
			if m := status.Missing; len(m) != 1 || m[0].Path != pathOf(s.held) || m[0].Owner.PID != s.holder.PID() {
				t.Fatalf("missing are %+v", m)
			}
			line := errorLine(lockd.Log(), "a lock of a living owner is missing")
			if line == "" || !strings.Contains(line, pathOf(s.held)) {
				t.Errorf("the log does not say what is missing: %q", line)
			}
			if !s.holder.Running() {
				t.Error("the guest without a lock was killed")
			}
			locks := c.Locks()
			for _, r := range s.wanted {
				s.wantListed(locks, r, s.busy, true)
			}
			foreign.Close()
			bed.Eventually(t, "the lock is taken back", func() bool { return len(statusOf(c).Missing) == 0 })
			s.wantListed(c.Locks(), s.held, s.holder, true)
			s.wantKept(c)
			t.Logf("a foreign %s lock in between: missing %q because %q, in the log %q; held again when it went",
				kind.Name, status.Missing[0].Path, status.Missing[0].Reason, line)
			s.finish([]bool{true, true})
		})
	}
}

// The next daemon may not come to its end either: what is missing stays known.
func TestMissingOutlivesACrashAndAReexec(t *testing.T) {
	t.Parallel()
	s := killBoth(t)
	foreign := bed.OFD.Foreign(t, pathOf(s.held), unix.F_WRLCK)
	lockd, _, _ := s.restart()
	lockd.Stop(unix.SIGKILL) // the keeper lives, and has the others
	lockd, c, status := s.restart()
	if len(status.Missing) != 1 {
		t.Errorf("after a crash missing are %+v", status.Missing)
	}
	if err := c.Call(api.DaemonReexec, api.Empty{}, nil); err != nil {
		t.Fatal(err.Message)
	}
	if m := statusOf(c).Missing; len(m) != 1 {
		t.Errorf("after a re-exec missing are %+v", m)
	}
	lockd.Stop(unix.SIGTERM)
	_, c, status = s.restart()
	if len(status.Missing) != 1 {
		t.Errorf("after a stop missing are %+v", status.Missing)
	}
	foreign.Close()
	bed.Eventually(t, "the lock is taken back", func() bool { return s.locked(s.held) && len(statusOf(c).Missing) == 0 })
	s.finish([]bool{true, true})
}

func errorLine(log, text string) string {
	for line := range strings.Lines(log) {
		if strings.Contains(line, ": error :") && strings.Contains(line, text) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// A journal of which the end is torn off, or something in the middle is wrong,
// gives what can be read.
func TestBothDiedAndTheJournalIsDamaged(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]struct {
		do   func(journal []byte, s *scene) []byte
		lost bool // the lock of the holder; otherwise those of the busy guest
	}{
		"torn": {do: func(j []byte, s *scene) []byte {
			last := strings.LastIndex(string(j), filepath.Base(s.wanted[1].Lockspace))
			return j[:last]
		}},
		"corrupted": {lost: true, do: func(j []byte, s *scene) []byte {
			j[strings.Index(string(j), pathOf(s.held))+3] ^= 0x20
			return j
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := killBoth(t)
			journal := []byte(s.host.Read(journalPath))
			s.host.Write(journalPath, string(damage.do(journal, s)))
			lockd, c, status := s.restart()
			locks := c.Locks()
			s.wantListed(locks, s.held, s.holder, !damage.lost)
			for _, r := range s.wanted {
				s.wantListed(locks, r, s.busy, damage.lost)
			}
			if len(status.Missing) > 0 {
				t.Errorf("missing are %+v", status.Missing)
			}
			if !strings.Contains(lockd.Log(), "skipped what cannot be read in the journal") {
				t.Error("the log does not say that the journal is damaged")
			}
			t.Logf("journal %s: %d of 3 locks back, and a warning", name, len(locks))
		})
	}
}

// A daemon may be killed while it tells a new keeper of what the last one had: that
// one then has a part, and the journal all.
func TestEndWhileANewKeeperIsFilled(t *testing.T) {
	t.Parallel()
	s := newScene(t, 2)
	s.must(dialJSON(t, s.host), caller.acquire)
	s.stop()
	// Of the messages to the keepers the first is about the figures; then come the
	// figures, the lockspace and the holds for the new one.
	lockd := s.host.StartVirtlockdWith(failpointVariable + "=after-keeper-message:4")
	statusOf(s.host.Connect()) // it serves
	unix.Kill(s.host.Keeper(), unix.SIGKILL)
	if how := lockd.Wait(); how != "signal: killed" {
		t.Fatalf("the daemon ended with %q, and not at the failpoint", how)
	}
	lockd, c, status := s.restart()
	if len(status.Missing) > 0 {
		t.Errorf("missing: %+v", status.Missing)
	}
	if !strings.Contains(lockd.Log(), "not told of everything") {
		t.Error("the keeper has all: the daemon did not end in time")
	}
	locks := c.Locks()
	s.wantListed(locks, s.held, s.holder, true)
	for _, r := range s.wanted {
		s.wantListed(locks, r, s.busy, true)
	}
	s.wantKept(c)
	s.finish([]bool{true, true})
}

// Somebody removes the journal. The daemon goes on with the file that it has open; the
// program that takes its place has none, and writes all down anew.
func TestJournalIsRemovedBeforeAReexec(t *testing.T) {
	t.Parallel()
	s := newScene(t, 2)
	s.must(dialJSON(t, s.host), caller.acquire)
	if err := s.host.Do(func() error { return os.Remove(journalPath) }); err != nil {
		t.Fatal(err)
	}
	s.must(dialJSON(t, s.host), func(c caller, _ []api.Resource) error { return c.reexec(s.first) })
	statusOf(s.host.Connect())
	bed.Eventually(t, "the journal is there again", func() bool { return len(s.host.Read(journalPath)) > 200 })
	s.killBoth()
	_, c, _ := s.restart()
	locks := c.Locks()
	s.wantListed(locks, s.held, s.holder, true)
	for _, r := range s.wanted {
		s.wantListed(locks, r, s.busy, true)
	}
	s.finish([]bool{true, true})
}
