package guest

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"virtlock/test/bed"
)

// admin runs virtlock-admin on a host.
func admin(t *testing.T, h *bed.Host, words ...string) (string, error) {
	t.Helper()
	return h.Run(bed.Binary(t, "virtlock-admin"), words...)
}

// who finds the row of a process in who -q, without what differs each time.
func who(t *testing.T, h *bed.Host, image string, pid int) string {
	t.Helper()
	out, err := admin(t, h, "-q", "who", image)
	if err != nil {
		t.Errorf("who %s: %v", image, err)
	}
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) == 7 && f[0] == fmt.Sprint(pid) {
			return strings.Join([]string{f[1], f[2], f[4], f[6]}, " ")
		}
	}
	t.Errorf("who %s has no process %d:\n%s", image, pid, out)
	return ""
}

func wantWho(t *testing.T, h *bed.Host, image string, pid int, want string) {
	t.Helper()
	if got := who(t, h, image, pid); got != want {
		t.Errorf("who tells process %d as %q, want %q", pid, got, want)
	}
}

// TestToolTellsWhoIsWho has a guest of libvirt, under both daemons. libvirt's own
// tells nobody for whom it has a lock; then the guest is who has the disk open.
func TestToolTellsWhoIsWho(t *testing.T) {
	bed.Both(t, func(t *testing.T, d bed.Daemon) {
		h := bed.NewHost(t, d)
		lockd := h.StartVirtlockd()
		h.StartLibvirtd()
		image := bed.Image(t, bed.Dir(t), "a.img")
		guest := h.MustCreate(bed.WithDisk("web01", image))
		if d == bed.Libvirts {
			wantWho(t, h, image, guest, "guest web01 alive qemu-lock,open-write")
			wantWho(t, h, image, lockd.PID(), "other-virtlockd - alive posix-lock,open-write")
			return
		}
		wantWho(t, h, image, guest, "guest web01 alive held,qemu-lock,open-write")
		wantWho(t, h, image, lockd.PID(), "virtlockd - alive ofd-lock,open-write")
		wantWho(t, h, image, h.Keeper(), "keeper - alive ofd-lock,open-write")
	})
}

// TestToolEndsAGuest takes the disk of a guest of libvirt by force: not while it
// lives, and then by ending it.
func TestToolEndsAGuest(t *testing.T) {
	t.Parallel()
	h := bed.NewHost(t, bed.Ours)
	h.StartVirtlockd()
	h.StartLibvirtd()
	image := bed.Image(t, bed.Dir(t), "a.img")
	guest := h.MustCreate(bed.WithDisk("web01", image))

	out, err := admin(t, h, "force-release", image, "--yes", "--reason", "ticket 815")
	if err == nil || !strings.Contains(out, fmt.Sprintf("error: web01 (process %d) lives: its locks are not taken", guest)) {
		t.Errorf("force-release of a living guest: %v\n%s", err, out)
	}
	runs(t, h, "web01")
	out, err = admin(t, h, "force-release", "--owner", fmt.Sprint(guest), "--fence", "--yes", "--reason", "ticket 815")
	if err != nil || !strings.Contains(out, fmt.Sprintf("Ended: web01 (process %d), with all its locks", guest)) {
		t.Errorf("force-release --fence: %v\n%s", err, out)
	}
	must(t, bed.WaitFree(image))
	h.MustCreate(bed.WithDisk("web02", image))
	out, err = admin(t, h, "-q", "history", "--type", "owner.fenced", "--format", "owner,message")
	if err != nil || out != "web01\tticket 815\n" {
		t.Errorf("history: %v, %q", err, out)
	}
}

// TestRunOutlivesTheDaemon keeps its lock while the daemon is killed and comes back,
// and stops its command when the lock was lost: when the keeper was killed too, and
// somebody else has locked the file meanwhile.
func TestRunOutlivesTheDaemon(t *testing.T) {
	t.Parallel()
	h := bed.NewHost(t, bed.Ours)
	lockd := h.StartVirtlockd()
	image := bed.Image(t, bed.Dir(t), "a.img")
	run := h.Start(exec.Command(bed.Binary(t, "virtlock-admin"), "run", image, "--", "sleep", "1000"))
	bed.Eventually(t, "the lock is held", func() bool {
		out, _ := admin(t, h, "-q", "list", "--owner", fmt.Sprint(run.PID()))
		return out != ""
	})
	lockd.Stop(unix.SIGKILL)
	wantLocks(t, h, image, "WRITE")
	lockd = h.StartVirtlockd()
	if out, err := admin(t, h, "-q", "list", "--format", "name,owner,pid"); err != nil || out != fmt.Sprintf("%s\tsleep\t%d\n", image, run.PID()) {
		t.Errorf("after the restart: %v, %q", err, out)
	}
	if !run.Running() {
		t.Fatal("the command was stopped")
	}

	keeper := h.Keeper()
	lockd.Signal(unix.SIGSTOP) // it would start another one
	must(t, unix.Kill(keeper, unix.SIGKILL))
	lockd.Stop(unix.SIGKILL)
	must(t, bed.WaitFree(image))
	bed.OFD.Foreign(t, image, unix.F_WRLCK)
	h.StartVirtlockd()
	if how := run.Wait(); how != "exit status 125" {
		t.Errorf("run ended with %s:\n%s", how, run.Log())
	}
}
