package reexec

import (
	"os"
	"path/filepath"
	"testing"

	"virtlock/test/bed"
)

const pidFile = "/run/virtlockd.pid"

// Ours takes over from libvirt's daemon whatever names its locks have, and though the
// PID file cannot be had: who has taken over must not end, or all locks do.
func TestTakeoverAgainstTheOdds(t *testing.T) {
	t.Parallel()
	h := bed.NewHost(t, bed.Libvirts)
	h.Install(bed.Libvirts)
	lockd := h.StartVirtlockd()
	conn, err := h.Dial(bed.Socket)
	check(t, err)
	guest := bed.NewRPC(conn)
	check(t, guest.Register("web01", os.Getpid()))
	var disks []string
	dir := bed.Dir(t)
	for _, name := range []string{"plain", `"quoted" \ {`, "new\nline", "caf\ufffd", "\u2028", "\x7f"} {
		disk := bed.Image(t, dir, name)
		check(t, guest.Acquire("", disk, 0))
		disks = append(disks, disk)
	}
	check(t, h.Do(func() error { return os.Remove(pidFile) }))
	check(t, h.Do(func() error { return os.Mkdir(pidFile, 0o755) }))

	h.Replace(lockd, bed.Ours)
	for _, disk := range disks {
		if !isLocked(disk) {
			t.Errorf("the lock on %q is lost", filepath.Base(disk))
		}
	}
	for _, disk := range disks {
		if err := guest.Release("", disk); err != nil || isLocked(disk) {
			t.Errorf("%q was given back: %v", filepath.Base(disk), err)
		}
	}
}
