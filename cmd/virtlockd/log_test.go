package main

import (
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// journal is a socket like that of systemd-journald.
type journal struct {
	t    *testing.T
	conn *net.UnixConn
}

func (h *host) journal() *journal {
	h.t.Helper()
	h.write("run/systemd/journal/x", "")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: h.path("run/systemd/journal/socket"), Net: "unixgram"})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { conn.Close() })
	return &journal{h.t, conn}
}

// next returns the next entry.
func (j *journal) next() string {
	j.t.Helper()
	j.conn.SetReadDeadline(time.Now().Add(patience))
	buffer := make([]byte, 1<<16)
	n, err := j.conn.Read(buffer)
	if err != nil {
		j.t.Fatal(err)
	}
	return string(buffer[:n])
}

func TestTheLogIsIntroduced(t *testing.T) {
	h := newHost(t)
	p := h.start(ours, "-v")
	hostname, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(p.end().stderr, "\n")
	line := regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}\+0000: ` + fmt.Sprint(p.pid()) + `: info : daemon : `)
	for i, want := range []string{"virtlock version: " + version, "hostname: " + hostname, `serving socket="/run/libvirt/virtlockd-sock" version="` + version + `"`} {
		if text := line.ReplaceAllString(got[i], ""); text != want {
			t.Errorf("got %q, want %q", got[i], want)
		}
	}
}

func TestAQuietStart(t *testing.T) {
	h := newHost(t)
	if got := h.start(ours).end(); got != (result{}) {
		t.Errorf("got %+v", got)
	}
}

func TestTheLogGoesToTheJournalIfThereIsOne(t *testing.T) {
	for _, option := range []string{"-v", "-vd"} {
		h := newHost(t)
		j := h.journal()
		if option == "-vd" {
			if got := h.run(daemonWords(ours, option)...); got != (result{}) {
				t.Fatalf("got %+v", got)
			}
			defer syscall.Kill(h.background(), syscall.SIGTERM)
		} else {
			h.start(ours, option)
		}
		checkContains(t, j.next(), "MESSAGE=virtlock version: "+version+"\nPRIORITY=6\n")
		checkContains(t, j.next(), "MESSAGE=hostname: ")
		checkContains(t, j.next(), "MESSAGE=serving ")
		if h.exists("log/libvirt/virtlockd.log") {
			t.Errorf("%s: there is a log file too", option)
		}
	}
}

// openTerminal returns a new terminal, and its other end.
func openTerminal(t *testing.T) (terminal, other *os.File) {
	t.Helper()
	other, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	if err := unix.IoctlSetPointerInt(int(other.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(other.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	return terminal, other
}

func TestTheLogStaysOnATerminal(t *testing.T) {
	h := newHost(t)
	h.journal()
	cmd := h.command(daemonWords(ours, "-v")...)
	cmd.Stdin, _ = openTerminal(t)
	p := startCommand(t, cmd)
	p.awaitSocket(h.adminSocket())
	checkContains(t, p.end().stderr, " : daemon : serving ")
}

// A failure is told where the command was typed, and in the log.
func TestAFailureIsToldAndLogged(t *testing.T) {
	h := newHost(t)
	j := h.journal()
	got := h.run(daemonWords(ours, "-p", "/no/such/dir/x.pid")...)
	const want = "Failed to open pid file '/no/such/dir/x.pid': No such file or directory"
	if got.status != exitUsage || got.stderr != ours+": error: "+want+"\n" {
		t.Errorf("got %+v", got)
	}
	j.next()
	j.next()
	checkContains(t, j.next(), "MESSAGE="+want+"\nPRIORITY=3\n")
}

// A reader of standard error that goes away does not take the daemon with it.
func TestStandardErrorThatNobodyReads(t *testing.T) {
	h := newHost(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	read.Close()
	h.write("work/virtlockd.conf", "log_level = 1\nmax_clients = 7")
	// The program's own standard error, not that of the shell before it.
	cmd := h.command("sh", "-c", `exec "$@" 2>&3`, "sh", ours, "-f", "virtlockd.conf")
	cmd.ExtraFiles = []*os.File{write}
	p := startCommand(t, cmd)
	p.awaitSocket(h.adminSocket())
	for range 10 {
		checkContains(t, ask(t, h.socket(), "daemon.status"), `"max_clients":7`)
	}
	p.end()
}

// Standard error that is full, with nobody reading, holds up neither the clients
// nor, for long, the end.
func TestStandardErrorThatIsFull(t *testing.T) {
	h := newHost(t)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	if _, err := unix.FcntlInt(write.Fd(), unix.F_SETPIPE_SZ, 4096); err != nil {
		t.Fatal(err)
	}
	if _, err := write.Write(make([]byte, 4096)); err != nil {
		t.Fatal(err)
	}
	h.write("work/virtlockd.conf", "log_level = 1")
	cmd := h.command("sh", "-c", `exec "$@" 2>&3`, "sh", ours, "-f", "virtlockd.conf")
	cmd.ExtraFiles = []*os.File{write}
	p := startCommand(t, cmd)
	p.awaitSocket(h.adminSocket())
	for range 10 {
		checkContains(t, ask(t, h.socket(), "daemon.status"), "result")
	}
	p.end()
}

func TestAFullDiskUnderTheLog(t *testing.T) {
	h := newHost(t)
	h.write("work/virtlockd.conf", "log_level = 1\nlog_outputs = '1:file:/dev/full'")
	p := h.start(ours)
	for range 10 {
		checkContains(t, ask(t, h.socket(), "daemon.status"), "result")
	}
	p.end()
}
