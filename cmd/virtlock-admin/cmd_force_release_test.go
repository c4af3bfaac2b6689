package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
)

// deadly is a house whose guest is a process of its own, which may be ended.
type deadly struct {
	house
	pid int
}

func newDeadly(t *testing.T) deadly {
	t.Helper()
	d := deadly{house: historyHouse(t)}
	d.image = newImage(t, "web02.raw")
	d.pid = holder(t, "none", "write", d.image)
	guest := d.Client(t)
	guest.Owner, guest.TiedTo = api.Owner{Name: "web02", UUID: handUUID, PID: d.pid}, api.TiedToProcess
	d.hold(t, guest, api.Resource{Name: d.image})
	return d
}

func (d deadly) isHeld(t *testing.T) bool {
	t.Helper()
	locks, err := d.guest.Locks(t.Context(), api.LockFilter{Name: d.image})
	if err != nil {
		t.Fatal(err)
	}
	return len(locks) == 1
}

// typed runs a command line as a person who types an answer.
func typed(t *testing.T, answer string, words ...string) result {
	t.Helper()
	var out, err bytes.Buffer
	e := &env{in: strings.NewReader(answer), person: true, out: &out, err: &err, now: time.Now, width: 80}
	status := run(t.Context(), e, words)
	return result{out.String(), err.String(), status}
}

// TestForceReleaseRefuses whoever lives, and changes nothing.
func TestForceReleaseRefuses(t *testing.T) {
	d := newDeadly(t)
	got := runLine(t, 0, "--socket", d.Socket, "force-release", d.image, "--reason", "test", "--yes")
	if got.status != exitBusy {
		t.Errorf("status %d", got.status)
	}
	for _, line := range []string{
		"Owner:          web02", "UUID:           " + handUUID, fmt.Sprintf("Process:        %d, alive", d.pid),
		"Lock:           " + d.image, "Mode:           exclusive", "Waiting for it: 0 calls",
		fmt.Sprintf("File open:      by process %d (%s) for writing, as the owner", d.pid, findProcess(d.pid).program()),
	} {
		if !strings.Contains(got.out, line+"\n") {
			t.Errorf("no %q in:\n%s", line, got.out)
		}
	}
	compare(t, got.err, fmt.Sprintf("error: web02 (process %d) lives: its locks are not taken\n"+
		"hint: --fence ends it first; --leave-running takes them all the same, and whoever gets the disk next writes beside it\n", d.pid))
	for name, words := range map[string][]string{
		"NoReason":  {d.image, "--fence", "--yes"},
		"NoPerson":  {d.image, "--fence", "--reason", "test"},
		"BothWays":  {d.image, "--fence", "--leave-running", "--reason", "test"},
		"NoName":    {"--reason", "test"},
		"BadOwner":  {"--owner", "web02", "--reason", "test"},
		"BadGrace":  {d.image, "--fence", "--grace", "soon", "--reason", "test"},
		"TooMany":   {"a", "b", "c", "--reason", "test"},
		"OwnerZero": {"--owner", "0", "--reason", "test"},
	} {
		t.Run(name, func(t *testing.T) { d.fail(t, exitUsage, append([]string{"force-release"}, words...)...) })
	}
	d.fail(t, exitNotFound, "force-release", d.image+"x", "--reason", "test")
	d.fail(t, exitNotFound, "force-release", "--owner", "999999", "--reason", "test")
	compare(t, d.fail(t, exitNotFound, "force-release", d.image, "--owner", "1", "--reason", "test"),
		fmt.Sprintf("error: process 1 does not hold %q\nhint: virtlock-admin inspect %s shows who does\n", d.image, d.image))
	d.fail(t, exitDenied, "-r", "force-release", d.image, "--reason", "test")
	if !d.isHeld(t) || !findProcess(d.pid).alive {
		t.Error("something was done all the same")
	}
}

func TestForceReleaseDryRun(t *testing.T) {
	d := newDeadly(t)
	for _, how := range []string{"--fence", "--leave-running"} {
		out := d.ask(t, "-r", "force-release", d.image, how, "--dry-run", "--reason", "test")
		if !strings.Contains(out, "; nothing was changed\n") || !strings.Contains(out, "Would ") {
			t.Errorf("%s:\n%s", how, out)
		}
	}
	if !d.isHeld(t) || !findProcess(d.pid).alive {
		t.Error("something was done all the same")
	}
}

// TestForceReleaseFences ends the owner, by the name of a lock and by the process.
func TestForceReleaseFences(t *testing.T) {
	for name, words := range map[string]func(deadly) []string{
		"ByName":  func(d deadly) []string { return []string{d.image} },
		"ByOwner": func(d deadly) []string { return []string{"--owner", strconv.Itoa(d.pid)} },
		"AtOnce":  func(d deadly) []string { return []string{d.image, "--grace", "0"} },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDeadly(t)
			words := append([]string{"--socket", d.Socket, "force-release", "--fence", "--yes", "--reason", "ticket 815"}, words(d)...)
			got := runLine(t, 0, words...)
			if got.status != exitOK || !strings.HasSuffix(got.out, fmt.Sprintf("Ended: web02 (process %d), with all its locks\n", d.pid)) {
				t.Errorf("force-release: %+v", got)
			}
			if d.isHeld(t) {
				t.Error("it is still held")
			}
			rows := d.ask(t, "-q", "history", "--type", "owner.fenced", "--format", "owner,message")
			compare(t, rows, "web02\tticket 815\n")
		})
	}
}

// TestForceReleaseLeavesRunning asks a person, who has to type the name.
func TestForceReleaseLeavesRunning(t *testing.T) {
	d := newDeadly(t)
	words := []string{"--socket", d.Socket, "force-release", d.image, "--leave-running", "--reason", "the array is gone"}
	got := typed(t, "yes\n", words...)
	if got.status != exitFailed || !strings.HasSuffix(got.err, "error: nothing was changed\n") || !d.isHeld(t) {
		t.Errorf("not the name: %+v", got)
	}
	got = typed(t, "", words...)
	if got.status != exitFailed || !d.isHeld(t) {
		t.Errorf("nothing: %+v", got)
	}
	got = typed(t, "web02\n", words...)
	if got.status != exitOK || !strings.Contains(got.err, "DANGER: ") ||
		!strings.HasSuffix(got.out, fmt.Sprintf("Released: %s of web02 (process %d)\n", d.image, d.pid)) {
		t.Errorf("the name: %+v", got)
	}
	if d.isHeld(t) || !findProcess(d.pid).alive {
		t.Error("it is held, or its owner dead")
	}
	compare(t, d.ask(t, "-q", "history", "--type", "lock.forced", "--format", "owner,message"), "web02\tthe array is gone\n")
}

// TestForceReleaseOfADisk that another process writes is refused although the
// owner would be ended.
func TestForceReleaseOfADisk(t *testing.T) {
	d := newDeadly(t)
	stranger := holder(t, "none", "write", d.image)
	err := d.fail(t, exitBusy, "force-release", d.image, "--fence", "--yes", "--reason", "test")
	if !strings.HasPrefix(err, fmt.Sprintf("error: process %d has %q open for writing, and is no owner", stranger, d.image)) {
		t.Errorf("says %q", err)
	}
	if !d.isHeld(t) || !findProcess(d.pid).alive {
		t.Error("something was done all the same")
	}
}

// TestForceReleaseOfASharedDisk ends one owner. That another one writes the disk is
// no reason not to: it has a lock of its own, and keeps it.
func TestForceReleaseOfASharedDisk(t *testing.T) {
	h := historyHouse(t)
	image := newImage(t, "shared.raw")
	var pids []int
	for _, name := range []string{"web03", "web04"} {
		pid := holder(t, "none", "write", image)
		guest := h.Client(t)
		guest.Owner, guest.TiedTo = api.Owner{Name: name, PID: pid}, api.TiedToProcess
		h.hold(t, guest, api.Resource{Name: image, Mode: api.Shared})
		pids = append(pids, pid)
	}
	owner := strconv.Itoa(pids[0])
	got := runLine(t, 0, "--socket", h.Socket, "force-release", "--owner", owner, "--fence", "--yes", "--reason", "test")
	if got.status != exitOK || !strings.HasSuffix(got.out, "Ended: web03 (process "+owner+"), with all its locks\n") {
		t.Errorf("force-release: %+v", got)
	}
	if line := fmt.Sprintf("by process %d (%s) for writing, with a lock of its own", pids[1], findProcess(pids[1]).program()); !strings.Contains(strings.Join(strings.Fields(got.out), " "), line) {
		t.Errorf("no %q in:\n%s", line, got.out)
	}
	compare(t, h.ask(t, "-q", "list", "--name", image, "--format", "owner"), "web04\n")
}

// TestForceReleaseOfAnOwnersChild that would write on without its owner is refused.
func TestForceReleaseOfAnOwnersChild(t *testing.T) {
	h := historyHouse(t)
	image := newImage(t, "disk.raw")
	script := exec.Command("bash", "-c", `exec 3<>"$0" 4<&0; cat <&4 & echo held; wait`, image)
	owner := h.Client(t)
	owner.Owner, owner.TiedTo = api.Owner{Name: "backup", PID: startAndRead(t, script, "held\n")}, api.TiedToProcess
	h.hold(t, owner, api.Resource{Name: image})
	got := runLine(t, 0, "--socket", h.Socket, "force-release", image, "--fence", "--yes", "--reason", "test")
	if got.status != exitBusy || !strings.Contains(got.err, fmt.Sprintf("(cat) has %q open for writing, and would live on", image)) {
		t.Errorf("force-release: %+v", got)
	}
	if want := fmt.Sprintf("(cat) for writing, started by process %d, the owner\n", owner.Owner.PID); !strings.Contains(got.out, want) {
		t.Errorf("no %q in:\n%s", want, got.out)
	}
	if !findProcess(owner.Owner.PID).alive {
		t.Error("the owner was ended all the same")
	}
}

// TestForceReleaseTellsAllThatGoes with an owner that is ended, whatever was named.
func TestForceReleaseTellsAllThatGoes(t *testing.T) {
	d := newDeadly(t)
	other, guest := newImage(t, "data.raw"), d.Client(t)
	guest.Owner, guest.TiedTo = api.Owner{Name: "web02", UUID: handUUID, PID: d.pid}, api.TiedToProcess
	d.hold(t, guest, api.Resource{Name: other})
	out := d.ask(t, "force-release", d.image, "--fence", "--dry-run", "--reason", "test")
	for _, want := range []string{"Lock:           " + other + "\n", fmt.Sprintf("Would end web02 (process %d), and release 2 locks;", d.pid)} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	out = d.ask(t, "force-release", d.image, "--leave-running", "--dry-run", "--reason", "test")
	if !strings.Contains(out, "Would release 1 lock;") {
		t.Errorf("one lock is more than one:\n%s", out)
	}
}

// TestForceReleaseOfAMovedFile sees who writes it under its new name.
func TestForceReleaseOfAMovedFile(t *testing.T) {
	d := newDeadly(t)
	moved := d.image + ".old"
	if err := os.Rename(d.image, moved); err != nil {
		t.Fatal(err)
	}
	stranger := holder(t, "none", "write", moved)
	err := d.fail(t, exitBusy, "force-release", d.image, "--fence", "--yes", "--reason", "test")
	if !strings.HasPrefix(err, fmt.Sprintf("error: process %d has %q open for writing", stranger, d.image)) {
		t.Errorf("says %q", err)
	}
}

// TestPrintProof sets owners apart.
func TestPrintProof(t *testing.T) {
	var s strings.Builder
	e := &env{out: &s, now: func() time.Time { return now }}
	var proofs []proof
	for i, name := range []string{"web01", "web01", "web02"} {
		holder := api.Holder{Owner: api.Owner{Name: name, PID: 1_000_000_004 + i/2}}
		proofs = append(proofs, proof{ForcedHold: api.ForcedHold{Lock: api.Lock{Name: "/srv/" + name + ".raw", Mode: api.Shared}, Holder: holder}})
	}
	e.printProof(proofs)
	lock := "\nLock:           /srv/%s.raw\nMode:           shared\nSince:          -\nFile open:      by no process that can be seen\nWaiting for it: 0 calls\n"
	compare(t, s.String(), "Owner:          web01\nProcess:        1000000004, dead\n"+fmt.Sprintf(lock, "web01")+fmt.Sprintf(lock, "web01")+
		"\nOwner:          web02\nProcess:        1000000005, dead\n"+fmt.Sprintf(lock, "web02")+"\n")
}

func TestForceReleaseJSON(t *testing.T) {
	d := newDeadly(t)
	got := runLine(t, 0, "--socket", d.Socket, "--json", "force-release", d.image, "--fence", "--yes", "--reason", "test")
	var answer forceAnswer
	if err := json.Unmarshal([]byte(got.out), &answer); err != nil || got.status != exitOK {
		t.Fatalf("%+v: %v", got, err)
	}
	if len(answer.Proofs) != 1 || !answer.Proofs[0].Alive || len(answer.Fenced) != 1 || answer.Fenced[0].PID != d.pid || answer.Released == nil {
		t.Errorf("answer %+v", answer)
	}
}

// TestForceReleaseOnATerminal types the answer, or Ctrl-C.
func TestForceReleaseOnATerminal(t *testing.T) {
	d := newDeadly(t)
	cmd := ourselves(t, "--socket", d.Socket, "force-release", d.image, "--fence", "--reason", "test")
	term := openTerminal(t, cmd)
	term.expect("End web02 (process " + strconv.Itoa(d.pid) + "), and release 1 lock? (type web02): ")
	term.typeIn("web02\n")
	term.expect("Ended: web02")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	other := newDeadly(t)
	cmd = ourselves(t, "--socket", other.Socket, "force-release", other.image, "--fence", "--reason", "test")
	term = openTerminal(t, cmd)
	term.expect("(type web02): ")
	term.typeIn("\x03")
	if err, ok := cmd.Wait().(*exec.ExitError); !ok || err.ExitCode() != exitFailed || !other.isHeld(t) {
		t.Errorf("Ctrl-C ends it with %v", err)
	}
}

// TestRunIsForced stops a command whose lock was taken.
func TestRunIsForced(t *testing.T) {
	h := historyHouse(t)
	image := newImage(t, "disk.raw")
	r := startRun(t, h.Daemon, image, "")
	h.ask(t, "-q", "force-release", image, "--leave-running", "--yes", "--reason", "test")
	if _ = r.cmd.Wait(); r.cmd.ProcessState.ExitCode() != exitLost {
		t.Errorf("ended with %v", r.cmd.ProcessState)
	}
	r.gone(t)
}

// TestForceReleaseOfARun knows the command as what the owner started.
func TestForceReleaseOfARun(t *testing.T) {
	h := historyHouse(t)
	image := newImage(t, "disk.raw")
	cmd := ourselves(t, "--socket", h.Socket, "run", image, "--", "sh", "-c", "exec 3<>"+image+"; exec sleep 1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	id, err := identify(image)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the command has the file open", func() bool {
		found, _, _ := scan(func(other fileID) bool { return other == id })
		for _, s := range found {
			if s.name == "sleep" {
				return true
			}
		}
		return false
	})
	if out := h.ask(t, "who", image); !strings.Contains(out, fmt.Sprintf("Works under:    the lock of process %d, which started it\n", cmd.Process.Pid)) {
		t.Errorf("who:\n%s", out)
	}
	h.ask(t, "-q", "force-release", image, "--fence", "--yes", "--reason", "test")
	if err, ok := (<-done).(*exec.ExitError); !ok || err.ExitCode() != exitSignalled+int(unix.SIGTERM) {
		t.Errorf("ended with %v", err)
	}
}
