package daemon

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"virtlock/client/api"
	"virtlock/daemon/internal/handover"
	"virtlock/daemon/internal/lockspace"
)

// forcedRig is a daemon of which only what was taken by force counts.
type forcedRig struct {
	*Daemon
	t     testing.TB
	child *exec.Cmd
	id    lockspace.Identity
}

func newForcedRig(t testing.TB) *forcedRig {
	t.Helper()
	r := &forcedRig{Daemon: new(Daemon), t: t, child: exec.Command("sleep", "1000")}
	r.table = lockspace.New(func(lockspace.Change) {}, nil)
	r.forced = newForced()
	var err error
	if r.processes, err = newProcesses(&r.gate, r.table, r.forced.exited, func(*process) {}); err != nil {
		t.Fatal(err)
	}
	r.forced.processes = r.processes
	t.Cleanup(r.processes.close)
	if err := r.child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.kill)
	p, err := r.processes.join(r.child.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	r.id = lockspace.Identity{PID: p.PID, Start: p.StartTime}
	return r
}

func (r *forcedRig) kill() {
	if r.child.ProcessState == nil {
		r.child.Process.Kill()
		r.child.Wait()
	}
}

func name(i int) lockspace.Name { return lockspace.Name{Name: fmt.Sprintf("/%d", i)} }

// forcedBy is the test itself.
func forcedBy(reason string) forcing {
	return forcing{by: api.Caller{Client: 3, PID: os.Getpid(), UID: 4, Command: "x"}, time: time.Unix(5, 6).UTC(), reason: reason}
}

// It is bounded, and goes with the process.
func TestForcedIsBounded(t *testing.T) {
	r := newForcedRig(t)
	for i := range maxForcedOf + 10 {
		r.forced.note(&r.id, name(i), forcedBy("x"))
	}
	if n := r.forced.count.Load(); n != maxForcedOf {
		t.Errorf("%d are kept", n)
	}
	if f := r.forced.find(&r.id, name(1)); f == nil || *f != forcedBy("x") {
		t.Errorf("found %+v", f)
	}
	other := r.id
	other.Start++
	if r.forced.find(&other, name(1)) != nil {
		t.Error("told to another process of the same number")
	}
	r.kill()
	for end := time.Now().Add(20 * time.Second); r.forced.count.Load() > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("kept for a process that has ended")
		}
	}
	r.forced.note(&r.id, name(1), forcedBy("x"))
	if n := r.forced.count.Load(); n != 0 {
		t.Errorf("%d are kept for a process that has ended", n)
	}
}

// Who has it again is not told, and its process is let go then.
func TestForcedAndRegained(t *testing.T) {
	r := newForcedRig(t)
	r.forced.note(&r.id, name(1), forcedBy("x"))
	r.forced.note(&r.id, name(2), forcedBy("x"))
	p := r.processes.byPID[r.id.PID]
	if p.users != 2 { // the rig's, and one more
		t.Errorf("%d users", p.users)
	}
	for i := 1; i <= 2; i++ {
		r.forced.regained(&r.id, name(i))
		if r.forced.find(&r.id, name(i)) != nil {
			t.Error("told in spite of it")
		}
	}
	r.forced.sweep()
	if n := r.forced.count.Load(); n != 0 || p.users != 1 {
		t.Errorf("%d are kept, %d users", n, p.users)
	}
}

// A re-exec hands it over.
func TestForcedIsHandedOver(t *testing.T) {
	r := newForcedRig(t)
	r.forced.note(&r.id, name(1), forcedBy("split brain"))
	state := handover.State{Forced: r.forced.export()}
	read, err := handover.ReadState(state.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	r.forced.exited(r.processes.byPID[r.id.PID])
	gone := read.Forced[0]
	gone.Start++
	r.restoreForced(append(read.Forced, gone))
	if f := r.forced.find(&r.id, name(1)); f == nil || *f != forcedBy("split brain") {
		t.Errorf("found %+v", f)
	}
	if n := r.forced.count.Load(); n != 1 {
		t.Errorf("%d are kept", n)
	}
}

func TestWhoLives(t *testing.T) {
	r := newForcedRig(t)
	stranger := exec.Command("sleep", "1000")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { stranger.Process.Kill(); stranger.Wait() }()
	p := &lockspace.Identity{PID: stranger.Process.Pid}
	if !r.lives(&r.id) || !r.lives(p) {
		t.Error("who lives is dead")
	}
	p.Start = 1
	another := r.id
	another.Start++
	if r.lives(p) || r.lives(&another) {
		t.Error("who is dead lives, since another has its number")
	}
	r.kill()
	if r.lives(&r.id) {
		t.Error("who was killed lives")
	}
}
