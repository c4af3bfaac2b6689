package main

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
)

// mode returns the mode of a file of the host as ls shows it.
func (h *host) mode(name string) string {
	h.t.Helper()
	info, err := os.Lstat(h.path(name))
	if err != nil {
		h.t.Fatal(err)
	}
	return info.Mode().String()
}

func TestModes(t *testing.T) {
	for _, umask := range []string{"0", "022", "077", "0777"} {
		h := newHost(t)
		p := h.startWords("sh", "-c", "umask "+umask+` && exec "$@"`, "sh", ours, "-f", "virtlockd.conf")
		for name, want := range map[string]string{
			"run/libvirt":                      "drwxr-xr-x",
			"run/libvirt/virtlockd-sock":       "Srwx------",
			"run/libvirt/virtlockd-admin-sock": "Srwx------",
			"run/virtlockd.pid":                "-rw-r--r--",
		} {
			if got := h.mode(name); got != want {
				t.Errorf("umask %s: the mode of %s is %s, want %s", umask, name, got, want)
			}
		}
		checkContains(t, ask(t, h.socket(), "daemon.status"), fmt.Sprintf(`"pid":%d`, p.pid()))
		p.end()
		if h.exists("run/libvirt/virtlockd-sock") || h.exists("run/libvirt/virtlockd-admin-sock") {
			t.Error("a socket is left")
		}
	}
}

// TestABacklogForManyGuests connects more clients at once than libvirt's daemon
// lets wait, while the daemon is stopped.
func TestABacklogForManyGuests(t *testing.T) {
	h := newHost(t)
	p := h.start(ours)
	p.signal(19) // SIGSTOP
	defer p.signal(18)
	for i := range 128 {
		conn, err := net.Dial("unix", h.socket())
		if err != nil {
			t.Fatalf("client %d: %v", i+1, err)
		}
		defer conn.Close()
	}
}

func TestWhatIsInTheWayOfASocketIsReplaced(t *testing.T) {
	stale := func(t *testing.T, path string) {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		l.Close()
	}
	ways := map[string]func(*testing.T, string){
		"stale socket": stale,
		"plain file":   func(_ *testing.T, path string) { os.WriteFile(path, []byte("x"), 0o600) },
		"link":         func(_ *testing.T, path string) { os.Symlink("/no/such/file", path) },
	}
	for name, put := range ways {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			h.write("run/libvirt/x", "")
			put(t, h.socket())
			put(t, h.adminSocket())
			p := h.start(ours)
			checkContains(t, ask(t, h.socket(), "daemon.status"), "result")
			p.end()
		})
	}
}

func TestADirectoryInTheWayOfASocket(t *testing.T) {
	for _, name := range []string{"virtlockd-sock", "virtlockd-admin-sock"} {
		h := newHost(t)
		h.write("run/libvirt/"+name+"/x", "")
		want, got := h.run(daemonWords(theirs)...), h.run(daemonWords(ours)...)
		if got.status != exitSockets || want.status != exitSockets || lastLine(got.stderr) != lastLine(want.stderr) {
			t.Errorf("got %+v, the real one %+v", got, want)
		}
		if background := h.run(daemonWords(ours, "-d")...); background.status != exitSockets || background.stderr != got.stderr {
			t.Errorf("in the background: got %+v", background)
		}
		if h.exists("run/virtlockd.pid") {
			t.Error("the PID file is left")
		}
		if name == "virtlockd-admin-sock" && h.exists("run/libvirt/virtlockd-sock") {
			t.Error("the other socket is left")
		}
		if !h.exists("run/libvirt/" + name + "/x") {
			t.Error("the directory is gone")
		}
	}
}

func TestARunDirectoryThatCannotBeMade(t *testing.T) {
	h := newHost(t)
	h.write("run/libvirt", "a file")
	want, got := h.run(daemonWords(theirs)...), h.run(daemonWords(ours)...)
	if got.status != exitRunDir || want.status != exitRunDir || lastLine(got.stderr) != lastLine(want.stderr) {
		t.Errorf("got %+v, the real one %+v", got, want)
	}
	if background := h.run(daemonWords(ours, "-d")...); background.status != exitRunDir {
		t.Errorf("in the background: got %+v", background)
	}
}

// TestSocketsThatAreServedStay starts ours with a PID file of its own beside a
// daemon that serves. The real one takes the sockets over in that case.
func TestSocketsThatAreServedStay(t *testing.T) {
	for _, first := range []string{ours, theirs} {
		h := newHost(t)
		running := h.start(first)
		for _, options := range [][]string{{"-p", "/run/other.pid"}, {"-p", "/run/other.pid", "-d"}} {
			got := h.run(daemonWords(ours, options...)...)
			if got.status != exitSockets {
				t.Errorf("beside %s: got %+v", first, got)
			}
			want := fmt.Sprintf("Failed to bind socket to '/run/libvirt/virtlockd-sock': Address already in use (served by pid %d, %q)", running.pid(), "virtlockd")
			checkContains(t, got.stderr, want)
		}
		if pid, served := servedBy(h.socket()); !served || pid != running.pid() {
			t.Errorf("beside %s: the socket is served by %d, %v", first, pid, served)
		}
		if h.exists("run/other.pid") {
			t.Error("the PID file of the second one is left")
		}
		running.end()
	}
}

// TestAnAdminSocketThatIsServedStays is about the second socket: the first one
// must not be made when the other cannot be.
func TestAnAdminSocketThatIsServedStays(t *testing.T) {
	h := newHost(t)
	h.write("run/libvirt/x", "")
	l, err := net.Listen("unix", h.adminSocket())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := h.run(daemonWords(ours)...)
	if got.status != exitSockets || h.exists("run/libvirt/virtlockd-sock") {
		t.Errorf("got %+v", got)
	}
	checkContains(t, got.stderr, fmt.Sprintf("served by pid %d", os.Getpid()))
}

func TestASocketThatWasReplacedStays(t *testing.T) {
	h := newHost(t)
	p := h.start(ours)
	if err := os.Remove(h.socket()); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", h.socket())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p.end()
	if !h.exists("run/libvirt/virtlockd-sock") || h.exists("run/libvirt/virtlockd-admin-sock") {
		t.Error("only the daemon's own socket is its to remove")
	}
}

// TestOneOfManyStartsWins starts daemons at once, each with its own PID file.
func TestOneOfManyStartsWins(t *testing.T) {
	h := newHost(t)
	var all []*process
	for i := range 8 {
		all = append(all, startCommand(t, h.command(daemonWords(ours, "-p", fmt.Sprintf("/run/%d.pid", i))...)))
	}
	eventually(t, "all but one end", func() bool { return countAlive(all) <= 1 })
	var winner *process
	for _, p := range all {
		if p.alive() {
			winner = p
			continue
		}
		if r := p.wait(); r.status != exitSockets || !strings.Contains(r.stderr, "Address already in use (served by pid") {
			t.Errorf("got %+v", r)
		}
	}
	if winner == nil {
		t.Fatal("none runs")
	}
	winner.awaitSocket(h.adminSocket())
	if pid, _ := servedBy(h.socket()); pid != winner.pid() {
		t.Errorf("served by %d, want %d", pid, winner.pid())
	}
	winner.end()
}

func countAlive(all []*process) (n int) {
	for _, p := range all {
		if p.alive() {
			n++
		}
	}
	return n
}
