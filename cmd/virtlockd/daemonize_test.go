package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// link returns where a symbolic link below /proc/PID leads.
func link(t *testing.T, pid int, name string) string {
	t.Helper()
	target, err := os.Readlink(fmt.Sprintf("/proc/%d/%s", pid, name))
	if err != nil {
		t.Fatal(err)
	}
	return target
}

func TestBackground(t *testing.T) {
	h := newHost(t)
	got := h.run(daemonWords(ours, "-d")...)
	if got != (result{}) {
		t.Fatalf("got %+v", got)
	}
	pid := h.background()
	// No waiting here: the command has said that it answers.
	checkContains(t, ask(t, h.socket(), "daemon.status"), fmt.Sprintf(`"pid":%d`, pid))
	checkContains(t, ask(t, h.adminSocket(), "daemon.status"), fmt.Sprintf(`"pid":%d`, pid))
	if cwd := link(t, pid, "cwd"); cwd != "/" {
		t.Errorf("its working directory is %s", cwd)
	}
	for fd := range 3 {
		if file := link(t, pid, fmt.Sprintf("fd/%d", fd)); file != "/dev/null" {
			t.Errorf("its descriptor %d is %s", fd, file)
		}
	}
	if session, err := unix.Getsid(pid); err != nil || session != pid {
		t.Errorf("its session is %d, %v", session, err)
	}
	if file := h.mode("log/libvirt/virtlockd.log"); file != "-rw-------" {
		t.Errorf("the mode of the log is %s", file)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if status := h.reap(pid); status != exitOK {
		t.Errorf("ended with status %d", status)
	}
	if h.exists("run/virtlockd.pid") || h.exists("run/libvirt/virtlockd-sock") {
		t.Error("files are left")
	}
}

// Relative names are those of the directory that the command was typed in, also
// at a reload.
func TestRelativeNamesInTheBackground(t *testing.T) {
	h := newHost(t)
	h.write("work/rel.conf", "max_clients = 7\nlog_outputs = '1:file:rel.log'\nlog_level = 1")
	got := h.run(ours, "-d", "-frel.conf", "--pid", "rel.pid")
	if got != (result{}) {
		t.Fatalf("got %+v", got)
	}
	h.write("run/virtlockd.pid", h.read("work/rel.pid"))
	pid := h.background()
	checkContains(t, ask(t, h.socket(), "daemon.status"), `"max_clients":7`)
	h.write("work/rel.conf", fmt.Sprintf("max_clients = 8\nlog_outputs = '1:file:%s'\nlog_level = 1", h.path("work/abs.log")))
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new limit", func() bool {
		return strings.Contains(ask(t, h.socket(), "daemon.status"), `"max_clients":8`)
	})
	checkContains(t, h.read("work/rel.log"), " : daemon : serving ")
	if err := syscall.Kill(pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if status := h.reap(pid); status != exitOK {
		t.Errorf("ended with status %d", status)
	}
	if h.exists("work/rel.pid") {
		t.Error("the PID file is left")
	}
}

func TestASecondOneInTheBackground(t *testing.T) {
	h := newHost(t)
	p := h.start(ours)
	got := h.run(daemonWords(ours, "-d")...)
	if got.status != exitUsage || !strings.HasPrefix(got.stderr, ours+": error: Failed to acquire pid file '/run/virtlockd.pid'") {
		t.Errorf("got %+v", got)
	}
	// Who looks into the log finds it too.
	checkContains(t, h.read("log/libvirt/virtlockd.log"), "error : daemon : Failed to acquire pid file")
	p.end()
}

// TestADaemonThatDiesBeforeItServes holds the claim, so that the daemon waits, and
// kills it.
func TestADaemonThatDiesBeforeItServes(t *testing.T) {
	h := newHost(t)
	h.write("run/libvirt/x", "")
	claim, err := takeClaim(h.socket())
	if err != nil {
		t.Fatal(err)
	}
	defer claim.release()
	command := startCommand(t, h.command(daemonWords(ours, "-d")...))
	eventually(t, "the PID file", func() bool { return h.exists("run/virtlockd.pid") && h.read("run/virtlockd.pid") != "" })
	pid := h.background()
	if pid == command.pid() {
		t.Fatal("it is not in the background")
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	got := command.wait()
	if got.status != exitSetUp || !strings.Contains(got.stderr, "cannot start the daemon: signal: killed") {
		t.Errorf("got %+v", got)
	}
}

// TestAStartThatWaitsForAnother gives the claim back when the daemon waits for it.
func TestAStartThatWaitsForAnother(t *testing.T) {
	h := newHost(t)
	h.write("run/libvirt/x", "")
	claim, err := takeClaim(h.socket())
	if err != nil {
		t.Fatal(err)
	}
	p := startCommand(t, h.command(daemonWords(ours)...))
	eventually(t, "the PID file", func() bool { return h.exists("run/virtlockd.pid") })
	claim.release()
	p.awaitSocket(h.adminSocket())
	p.end()
}

func TestAClaimThatIsNeverGivenBack(t *testing.T) {
	h := newHost(t)
	h.write("run/libvirt/x", "")
	claim, err := takeClaim(h.socket())
	if err != nil {
		t.Fatal(err)
	}
	defer claim.release()
	got := h.run(daemonWords(ours)...)
	if got.status != exitSockets {
		t.Errorf("got %+v", got)
	}
	checkContains(t, got.stderr, "another daemon starts on these sockets")
}
