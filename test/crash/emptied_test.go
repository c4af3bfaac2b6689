package crash

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"virtlock/test/bed"
)

const runDir = "/run/libvirt"

// Somebody empties the run directory, or removes it. The next daemon finds the locks
// all the same, however this one ends.
func TestRunDirectoryIsRemoved(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*scene){
		"stopped": func(s *scene) { s.first.Stop(unix.SIGTERM) },
		"killed": func(s *scene) {
			for _, file := range []string{"virtlockd-keeper-sock", "virtlockd-journal"} {
				bed.Eventually(s.t, file+" is there again", func() bool { return s.host.Exists(filepath.Join(runDir, file)) })
			}
			s.first.Stop(unix.SIGKILL)
		},
		"killed with its keeper": func(s *scene) {
			bed.Eventually(s.t, "the journal is there again", func() bool { return s.host.Exists(journalPath) })
			s.killBoth()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, 2)
			s.must(dialJSON(t, s.host), caller.acquire)
			if err := s.host.Do(func() error { return os.RemoveAll(runDir) }); err != nil {
				t.Fatal(err)
			}
			end(s)
			_, c, status := s.restart()
			if len(status.Missing) > 0 {
				t.Errorf("missing are %+v", status.Missing)
			}
			locks := c.Locks()
			s.wantListed(locks, s.held, s.holder, true)
			for _, r := range s.wanted {
				s.wantListed(locks, r, s.busy, true)
			}
			s.wantKept(c)
			s.finish([]bool{true, true})
		})
	}
}
