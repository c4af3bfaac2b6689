package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/client"
	"virtlock/client/api"
	"virtlock/daemon/daemontest"
)

// ranOn runs a command line as a process of its own, and returns its output and
// exit status.
func ranOn(t *testing.T, d *daemontest.Daemon, words ...string) (string, int) {
	t.Helper()
	out, err := ourselves(t, append([]string{"--socket", d.Socket}, words...)...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit != nil {
		return string(out), exit.ExitCode()
	}
	return string(out), 0
}

func TestRunExitStatus(t *testing.T) {
	d, image := daemontest.Start(t), newImage(t, "disk.raw")
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		words  []string
		out    string
		status int
	}{
		"Zero":     {[]string{"run", image, "--", "echo", "hello", "--json", "--"}, "hello --json --\n", 0},
		"Number":   {[]string{"run", image, "--", "sh", "-c", "exit 42"}, "", 42},
		"Signal":   {[]string{"run", image, "--", "sh", "-c", "kill -TERM $$"}, "", exitSignalled + int(unix.SIGTERM)},
		"NoSuch":   {[]string{"run", image, "--", "no-such-command"}, "error: run \"no-such-command\": there is no such command\n", exitNoSuchCommand},
		"NoRight":  {[]string{"run", image, "--", script}, "error: run \"" + script + "\": it cannot be executed\n", exitCannotExecute},
		"NoFile":   {[]string{"run", image + "x", "--", "echo"}, "error: open \"" + image + "x\": no such file or directory\nhint: check the name: run locks files that are there\n", exitNotFound},
		"NoWords":  {[]string{"run", image}, "error: run needs the PATH of files, --, and a COMMAND\nhint: virtlock-admin run PATH... -- COMMAND\n", exitUsage},
		"NoPath":   {[]string{"run", "--", "echo"}, "error: run needs the PATH of files, --, and a COMMAND\nhint: virtlock-admin run PATH... -- COMMAND\n", exitUsage},
		"BadTime":  {[]string{"run", "--wait", "soon", image, "--", "echo"}, "error: option \"--wait\" needs a time span, not \"soon\"\nhint: as 30s, 5m, 2h or 1d\n", exitUsage},
		"BadE":     {[]string{"run", "-E", "256", image, "--", "echo"}, "error: option \"--conflict-exit-code\" needs a number from 0 to 255, not \"256\"\n", exitUsage},
		"NoDaemon": {[]string{"--socket", "/nowhere", "run", image, "--", "echo"}, "", exitUnreachable},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			out, status := ranOn(t, d, test.words...)
			if status != test.status || test.out != "" && out != test.out {
				t.Errorf("status %d, output %q; want %d, %q", status, out, test.status, test.out)
			}
		})
	}
}

// TestRunHoldsTheLock looks from inside of the command.
func TestRunHoldsTheLock(t *testing.T) {
	d, image := daemontest.Start(t), newImage(t, "disk.raw")
	self := ourselves(t).Path
	list := fmt.Sprintf("exec -a virtlock-admin %s --socket %s -q list", self, d.Socket)
	list = strings.ReplaceAll(list, "/proc/self/exe", testBinary(t))
	out, status := ranOn(t, d, "run", "--shared", image, "--", "bash", "-c", list)
	f := strings.Split(out, "\t")
	if status != 0 || len(f) != 7 || f[1] != image || f[2] != "shared" || f[3] != "bash" {
		t.Errorf("status %d, list prints %q", status, out)
	}
	if locks, err := d.Client(t).Locks(t.Context(), api.LockFilter{}); err != nil || len(locks) != 0 {
		t.Errorf("afterwards: %v, %v", locks, err)
	}
}

func testBinary(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRunConflict(t *testing.T) {
	h := newHouse(t)
	out, status := ranOn(t, h.Daemon, "run", h.image, "--", "echo", "ran")
	if status != exitBusy || !strings.Contains(out, "web01") || strings.Contains(out, "ran\n") {
		t.Errorf("status %d: %s", status, out)
	}
	if out, status = ranOn(t, h.Daemon, "run", "-E", "75", "--wait", "0.1", h.image, "--", "echo", "ran"); status != 75 || !strings.Contains(out, "web01") {
		t.Errorf("-E: status %d: %s", status, out)
	}
}

func TestRunWaits(t *testing.T) {
	h := newHouse(t)
	events, err := h.guest.Subscribe(t.Context(), string(api.EventLockWaiting))
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	go func() {
		if _, err := events.Next(); err == nil {
			h.guest.Close()
		}
	}()
	if out, status := ranOn(t, h.Daemon, "run", "--wait", "20s", h.image, "--", "echo", "ran"); status != 0 || out != "ran\n" {
		t.Errorf("status %d: %s", status, out)
	}
}

// running is a run whose command has started.
type running struct {
	cmd   *exec.Cmd
	pid   int // of its command
	child int // that the command started
}

// startRun runs a shell that starts a child, and both sleep.
func startRun(t *testing.T, d *daemontest.Daemon, image, traps string) running {
	t.Helper()
	file := filepath.Join(t.TempDir(), "pids")
	script := traps + `sleep 1000 & echo $$ $! >` + file + `.new; mv ` + file + `.new ` + file + `; while :; do wait $!; done`
	r := running{cmd: ourselves(t, "--socket", d.Socket, "run", image, "--", "bash", "-c", script)}
	r.cmd.Stderr = os.Stderr
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
	})
	eventually(t, "the command has started", func() bool {
		text, err := os.ReadFile(file)
		if err == nil {
			_, err = fmt.Sscan(string(text), &r.pid, &r.child)
		}
		return err == nil
	})
	return r
}

func (r running) gone(t *testing.T) {
	t.Helper()
	eventually(t, "the command and its child are gone", func() bool {
		return !findProcess(r.pid).alive && !findProcess(r.child).alive
	})
}

// free waits until a lock can be had.
func free(t *testing.T, d *daemontest.Daemon, image string) {
	t.Helper()
	held, err := d.Client(t).Acquire(t.Context(), 20*time.Second, api.Resource{Name: image})
	if err != nil {
		t.Fatal(err)
	}
	if err := held.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestRunKilled leaves nothing behind: no command, no child of it, no lock.
func TestRunKilled(t *testing.T) {
	d, image := daemontest.Start(t), newImage(t, "disk.raw")
	r := startRun(t, d, image, "")
	if err := r.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	r.gone(t)
	free(t, d, image)
}

func TestRunPassesSignals(t *testing.T) {
	d, image := daemontest.Start(t), newImage(t, "disk.raw")
	for _, s := range []unix.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGUSR1} {
		t.Run(unix.SignalName(s), func(t *testing.T) {
			// bash ignores SIGINT for a child in the background, which is then ended
			// as one that was left behind.
			r := startRun(t, d, image, "trap 'exit 7' "+strconv.Itoa(int(s))+"; ")
			if err := r.cmd.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
			if _ = r.cmd.Wait(); r.cmd.ProcessState.ExitCode() != 7 {
				t.Errorf("ended with %v", r.cmd.ProcessState)
			}
			r.gone(t)
			free(t, d, image)
		})
	}
}

// TestRunEndsWhatIsLeft has a command that leaves a process behind, which would
// go on without the lock.
func TestRunEndsWhatIsLeft(t *testing.T) {
	d, image := daemontest.Start(t), newImage(t, "disk.raw")
	out, status := ranOn(t, d, "run", image, "--", "sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!")
	pid, err := strconv.Atoi(strings.TrimSpace(out))
	if status != 0 || err != nil {
		t.Fatalf("status %d: %s", status, out)
	}
	if findProcess(pid).alive {
		t.Error("it is still there")
	}
}

// foreground is the process group that the keyboard's signals go to.
func (term *terminal) foreground() (group int) {
	raw, err := term.pty.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { group, err = unix.IoctlGetInt(int(fd), unix.TIOCGPGRP) })
	}
	if err != nil {
		term.t.Fatal(err)
	}
	return group
}

// TestRunOnATerminal stops and continues a command as from a shell.
func TestRunOnATerminal(t *testing.T) {
	h := newHouse(t)
	image := newImage(t, "disk.raw")
	term := shell(t, h, "set -m\n", "bash", "--norc", "--noprofile", "-i")
	line := "command virtlock-admin run " + image + " -- sh -c 'echo sta''rted; exec sleep 1000'\n"
	for range 2 { // and the lock is free for the second one
		term.typeIn(line)
		term.expect("started\r\n")
		term.typeIn("\x1a")
		term.expect("Stopped")
		term.expect("READY")
		if locks, err := h.guest.Locks(t.Context(), api.LockFilter{Name: image}); err != nil || len(locks) != 1 {
			t.Errorf("while it is stopped: %v, %v", locks, err)
		}
		term.typeIn("fg\n")
		// Until then the keyboard's signals go to the shell.
		eventually(t, "the command has the terminal", func() bool {
			return commandName(term.foreground()) == "sleep"
		})
		term.typeIn("\x03")
		term.expect("READY")
		term.typeIn("echo stat''us=$?\n")
		term.expect("status=130\r\n")
		term.expect("READY")
	}
}

func TestIsLoss(t *testing.T) {
	h := newHouse(t)
	held, err := h.guest.Acquire(t.Context(), 0, api.Resource{Name: newImage(t, "disk.raw")})
	if err != nil {
		t.Fatal(err)
	}
	space, name := "", held.Locks()[0].Name
	event := api.Event{Lockspace: &space, Name: name, Owner: &api.Owner{PID: 1}}
	if !isLoss(event, held, 1) || isLoss(event, held, 2) || isLoss(api.Event{}, held, 1) {
		t.Error("isLoss cannot tell")
	}
	event.Name += "x"
	if isLoss(event, held, 1) {
		t.Error("another file is taken for ours")
	}
}

// TestRunStopsWithoutItsLock releases the lock of a run by its back.
func TestRunStopsWithoutItsLock(t *testing.T) {
	d, image := daemontest.Start(t), newImage(t, "disk.raw")
	r := startRun(t, d, image, "")
	c := &client.Client{Socket: d.Socket, Owner: api.Owner{PID: r.cmd.Process.Pid}, TiedTo: api.TiedToProcess}
	defer c.Close()
	if _, err := c.Release(t.Context(), api.ResourceName{Name: image}); err != nil {
		t.Fatal(err)
	}
	if _ = r.cmd.Wait(); r.cmd.ProcessState.ExitCode() != exitLost {
		t.Errorf("ended with %v", r.cmd.ProcessState)
	}
	r.gone(t)
}
