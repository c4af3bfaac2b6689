package daemon_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"virtlock/daemon/internal/virnet"
)

// libvirtsDaemon is what ours has to answer like.
const libvirtsDaemon = "/usr/sbin/virtlockd"

// TestWire sends the same bytes to libvirt's daemon and to ours. Both have to
// answer with the same bytes and leave the same files, but for the differences
// that are wanted: each of these is named, with what either daemon does.
func TestWire(t *testing.T) {
	theirs := startLibvirts(t)
	ours := startChild(t, childConfig{}).Socket
	for _, c := range wireCases {
		t.Run(c.name, func(t *testing.T) { compareWire(t, c, theirs, ours) })
	}
}

// TestWireDamage is about what leaves libvirt's daemon damaged, and not ours.
func TestWireDamage(t *testing.T) {
	for _, c := range wireDamages {
		t.Run(c.name, func(t *testing.T) {
			compareWire(t, c, startLibvirts(t), startChild(t, childConfig{}).Socket)
		})
	}
}

// wireCase is a list of requests.
type wireCase struct {
	name   string
	run    func(*script)
	wanted []difference
}

// difference is where ours differs from libvirt's on purpose: an answer without
// its head, or a file that is left. One that is empty is not there at all.
type difference struct{ why, theirs, ours string }

// compareWire runs a case against both daemons.
func compareWire(t *testing.T, c wireCase, theirs, ours string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "dir") // for both, as it is in the answers
	want := runScript(t, c, theirs, dir)
	got := runScript(t, c, ours, dir)
	wanted := c.wanted
	for len(want) > 0 || len(got) > 0 {
		if len(want) > 0 && len(got) > 0 && want[0] == withoutHolder(got[0]) {
			want, got = want[1:], got[1:]
			continue
		}
		if len(wanted) == 0 || !wanted[0].take(&want, &got) {
			t.Fatalf("unwanted difference\nlibvirt's %s\nours      %s", first(want), first(got))
		}
		wanted = wanted[1:]
	}
	for _, d := range wanted {
		t.Errorf("no difference any more, or not this one: %q and %q (%s)", d.theirs, d.ours, d.why)
	}
}

func first(lines []string) string {
	if len(lines) == 0 {
		return "nothing more"
	}
	return lines[0]
}

// take takes the difference off both lists, if it is there.
func (d difference) take(theirs, ours *[]string) bool {
	head, found := "", true
	for _, side := range []struct {
		text  string
		lines *[]string
	}{{d.theirs, theirs}, {d.ours, ours}} {
		if side.text == "" {
			continue
		}
		line := withoutHolder(first(*side.lines))
		rest, ok := strings.CutSuffix(line, side.text)
		found = found && ok && (head == "" || head == rest)
		head = rest
	}
	if !found {
		return false
	}
	if d.theirs != "" {
		*theirs = (*theirs)[1:]
	}
	if d.ours != "" {
		*ours = (*ours)[1:]
	}
	return true
}

// withoutHolder takes out of a refusal what ours adds to libvirt's sentence on
// purpose: who holds the lock (a refusal explains itself).
func withoutHolder(line string) string {
	const locked = "' is locked"
	before, after, found := strings.Cut(line, locked)
	if !found || !strings.HasPrefix(after, " by ") {
		return line
	}
	return before + locked
}

// runScript gives what a daemon answers to a case, and what it leaves, a line
// for each.
func runScript(t *testing.T, c wireCase, socket, dir string) []string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	s := &script{t: t, socket: socket, dir: dir}
	s.guest, s.other = s.newGuest("GUEST"), s.newGuest("OTHER")
	c.run(s)
	s.listFiles()
	return s.lines
}

// script is a case as it runs against one of the daemons.
type script struct {
	t      *testing.T
	socket string
	dir    string // empty, for the files of the case
	// Processes to take locks for.
	guest, other int
	pids         []string // what they are called in the lines, in pairs
	lines        []string
}

func (s *script) newGuest(name string) int {
	g := newGuest(s.t)
	s.pids = append(s.pids, fmt.Sprintf("owner %d does", g.PID), "owner "+name+" does")
	return g.PID
}

func (s *script) note(format string, args ...any) {
	text := strings.ReplaceAll(fmt.Sprintf(format, args...), s.dir, "DIR")
	s.lines = append(s.lines, strings.NewReplacer(s.pids...).Replace(text))
}

// path names something in the directory of the case.
func (s *script) path(name string) string { return s.dir + "/" + name }

// file makes a disk.
func (s *script) file(name string) string { return newFile(s.t, s.dir, name) }

func (s *script) mkdir(name string) string {
	if err := os.Mkdir(s.path(name), 0o700); err != nil {
		s.t.Fatal(err)
	}
	return s.path(name)
}

// must stops the case when something fails that is not up to the daemons.
func (s *script) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// listFiles notes what the daemon has left behind.
func (s *script) listFiles() {
	s.must(filepath.WalkDir(s.dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == s.dir {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		size := info.Size()
		if entry.IsDir() {
			size = 0
		}
		s.note("left %s %v %d", path, info.Mode(), size)
		return nil
	}))
}

// wireConn is a connection whose answers are noted.
type wireConn struct {
	*rpcConn
	script *script
}

func (s *script) dial() *wireConn { return &wireConn{dialRPC(s.t, s.socket), s} }

// registered gives a connection for the guest.
func (s *script) registered() *wireConn { return s.registeredFor(s.guest) }

func (s *script) registeredFor(pid int) *wireConn {
	c := s.dial()
	c.call(virnet.ProcRegister, registration(pid))
	return c
}

func (c *wireConn) call(procedure int32, args virnet.Payload) {
	c.send(c.message(procedure, args))
}

// send sends bytes and notes all that comes back. The ping behind them tells
// when that is all: requests are answered in order.
func (c *wireConn) send(b []byte) {
	if _, err := c.Write(append(bytes.Clone(b), ping...)); err != nil {
		c.script.noteEnd(err)
		return
	}
	for {
		reply, err := c.reply()
		if err != nil {
			c.script.noteEnd(err)
			return
		}
		if bytes.Equal(reply, pong) {
			c.script.note("pong")
			return
		}
		c.script.note("%s", renderReply(reply))
	}
}

func (s *script) noteEnd(err error) {
	var timeout net.Error
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, unix.ECONNRESET), errors.Is(err, unix.EPIPE):
		s.note("closed")
	case errors.As(err, &timeout) && timeout.Timeout():
		s.t.Fatal("neither an answer nor an end")
	default:
		s.t.Fatal(err)
	}
}

// renderReply writes a reply down so that no byte of it is lost.
func renderReply(reply []byte) string {
	h, payload := virnet.ParseHeader(reply)
	head := fmt.Sprintf("%x v%d procedure %d serial %d:", h.Program, h.Version, h.Procedure, h.Serial)
	if bytes.Equal(reply, virnet.AppendReply(nil, h)) {
		return head + " ok"
	}
	var e virnet.Error
	if e.Decode(payload) != nil || !bytes.Equal(reply, virnet.AppendErrorReply(nil, h, &e)) {
		return fmt.Sprintf("%s %x", head, reply)
	}
	return head + " " + renderError(&e)
}

// renderError is short where the fields follow from each other as usual.
func renderError(e *virnet.Error) string {
	same := func(x *virnet.Error) bool { return bytes.Equal(x.Append(nil), e.Append(nil)) }
	if e.Str2 != nil && same(virnet.NewError(e.Code, e.Domain, *e.Str2)) {
		return fmt.Sprintf("%d/%d %s", e.Code, e.Domain, *e.Str2)
	}
	if e.Str2 != nil && same(virnet.SystemError(e.Domain, e.Int1, *e.Str2)) {
		return fmt.Sprintf("%d/%d errno %d %s", e.Code, e.Domain, e.Int1, *e.Str2)
	}
	return fmt.Sprintf("error %x", e.Append(nil))
}

// startLibvirts starts libvirt's daemon with a /run of its own, and gives the
// path of its socket.
func startLibvirts(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat(libvirtsDaemon); err != nil {
		t.Fatalf("libvirt's virtlockd is needed to compare with (package libvirt-daemon-system): %v", err)
	}
	if os.Geteuid() != 0 {
		t.Fatal("root is needed to run libvirt's virtlockd in a mount namespace of its own")
	}
	conf := newFile(t, t.TempDir(), "virtlockd.conf")
	if err := os.WriteFile(conf, []byte("log_outputs = \"4:file:/run/virtlockd.log\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := inRole("virtlockd", libvirtsDaemon, "-f", conf, "-p", "/run/virtlockd.pid")
	cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWNS
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-ended
	})
	socket := fmt.Sprintf("/proc/%d/root/run/libvirt/virtlockd-sock", cmd.Process.Pid)
	eventually(t, "libvirt's virtlockd answers", func() bool {
		select {
		case <-ended:
			t.Fatalf("libvirt's virtlockd ended: %v", cmd.ProcessState)
		default:
		}
		c, err := net.Dial("unix", socket)
		if err != nil || sameDevice(t, filepath.Dir(socket), "/run") {
			return false
		}
		c.Close()
		return true
	})
	return socket
}

// sameDevice reports whether two paths are on one file system: before the new
// /run is mounted, the old one could have a daemon of its own.
func sameDevice(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y unix.Stat_t
	return errors.Join(unix.Stat(a, &x), unix.Stat(b, &y)) != nil || x.Dev == y.Dev
}
