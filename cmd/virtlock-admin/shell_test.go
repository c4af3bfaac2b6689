package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
)

const (
	promptWrite = "virtlock-admin # "
	promptRead  = "virtlock-admin > "
	up, down    = "\x1b[A", "\x1b[B"
	del         = "\x1b[3~"
)

// openShell starts the program's own shell on a terminal, whose kind the last
// argument may be. Its home is a directory of its own.
func openShell(t *testing.T, home string, args ...string) *terminal {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(home, "virtlock-admin")
	if err := os.Symlink(self, program); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
	kind := "TERM=xterm"
	if last := len(args) - 1; last >= 0 && strings.HasPrefix(args[last], "TERM=") {
		kind, args = args[last], args[:last]
	}
	cmd := exec.Command(program, args...)
	cmd.Dir = home
	cmd.Env = []string{"HOME=" + home, kind, "LC_ALL=C.UTF-8", "GORACE=atexit_sleep_ms=0"}
	return openTerminal(t, cmd)
}

// does types a line, which has to print the text. It waits for the prompt: what is
// typed while a command runs is edited by the kernel.
func (term *terminal) does(keys, prints string) {
	term.t.Helper()
	term.typeIn(keys + "\r")
	term.expect("\r\n" + prints + "\r\n")
	term.expect(promptWrite)
}

// lives finds out whether the shell still takes commands.
func (term *terminal) lives() {
	term.t.Helper()
	word := fmt.Sprint("alive", rand.Int())
	term.does("echo "+word, word)
}

func TestShell(t *testing.T) {
	h := newHouse(t)
	term := openShell(t, t.TempDir(), "--socket", h.Socket)
	term.expect("Welcome to virtlock-admin, the shell for the locks on virtual machine disks.\r\n\r\n" +
		"Type:  'help' for help with commands\r\n       'quit' to quit\r\n\r\n")
	term.expect(promptWrite)
	term.typeIn("list -q; uri\r")
	term.expect("\r\n-\t" + h.image + "\texclusive\tweb01\t")
	term.expect("\r\nvirtlockd:///system?socket=" + h.Socket + "\r\n\r\n") // the prompt after an empty line
	term.typeIn("nosuch\r")
	term.expect("\r\nerror: unknown command \"nosuch\"\r\nhint: help lists the commands\r\n\r\n")
	term.typeIn("connect --readonly\r")
	term.expect("\r\n")
	term.expect(promptRead)
	term.typeIn("reexec\r")
	term.expect("\r\nerror: reexec changes something, which --readonly does not allow\r\n")
	term.typeIn("quit\r")
	if got := term.status(); got != exitDenied {
		t.Errorf("status %d, want that of the last command", got)
	}
}

func TestShellEnds(t *testing.T) {
	tests := map[string]struct {
		args   []string
		keys   string
		output string
		want   int
	}{
		"CtrlD":           {[]string{"-q"}, "\x04", "\r\n", exitOK},
		"Quit":            {[]string{"-q"}, "quit\r", "\r\n", exitOK},
		"Exit":            {[]string{"-q"}, "echo a; exit; echo b\r", "\r\na\r\n", exitOK},
		"AfterAFailure":   {[]string{"-q"}, "cd /nowhere\r\x04", "\r\n", exitFailed},
		"NotReached":      {[]string{"--socket", "/nowhere/sock"}, "", "error: connect to \"/nowhere/sock\"", exitUnreachable},
		"ReadOnly":        {[]string{"-r", "-q"}, "\x04", promptRead, exitOK},
		"CtrlDInALine":    {[]string{"-q"}, "echo xab\x01\x06\x06\x06\x06\x06\x04\r\x04", "\r\nab\r\n", exitOK},
		"CtrlDAfterCtrlC": {[]string{"-q"}, "echo x\x03\x04", "^C\r\n", exitOK},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			term := openShell(t, t.TempDir(), test.args...)
			if test.keys != "" {
				term.expect("virtlock-admin ")
				term.typeIn(test.keys)
			}
			got := term.status()
			term.seen = 0
			term.expect(test.output)
			if got != test.want {
				t.Errorf("status %d, want %d", got, test.want)
			}
		})
	}
}

// TestShellKeys types into one shell. What was typed before is its history.
func TestShellKeys(t *testing.T) {
	term := openShell(t, t.TempDir(), "-q")
	term.expect(promptWrite)
	term.typeIn("\x12\x03") // to search in nothing
	term.expect("^C")
	term.expect(promptWrite)
	tests := []struct{ name, keys, prints string }{
		{"Typing", "echo one", "one"},
		{"HistoryUp", up, "one"},
		{"HistoryOther", "echo two", "two"},
		{"HistoryUpUp", up + up, "one"},
		{"HistoryThird", "echo three", "three"},
		{"HistoryDown", up + up + up + down, "one"},
		{"HistoryChanged", up + "\x7f\x7f\x7fTWO", "TWO"},
		{"HistorySearch", "\x12thre", "three"},
		{"CtrlC", "nosuch\x03echo four", "four"},
		{"DeleteOnAnEmptyLine", del + del + "echo five", "five"},
		{"Delete", "echo xsix\x02\x02\x02\x02" + del, "six"},
		{"DeleteAtTheEnd", "echo six" + del, "six"},
		{"HomeEnd", "cho se\x1b[1~e\x1b[4~ven", "seven"},
		{"HomeEndOther", "cho se\x1b[He\x1b[Fven", "seven"},
		{"Words", "echo c\x1b[1;5Db \x1bba \x1bf\x1b[1;5Cd", "a b cd"},
		{"Cut", "garbage\x15echo eight nine\x17", "eight"},
		{"PutBack", "eight\x15echo \x19", "eight"},
		{"CtrlZ", "echo n\x1aine", "nine"},
		{"CtrlSpace", "\x00echo t\x00en", "ten"},
		{"CtrlT", "e\x14\x14cho eleven", "eleven"},
		{"CtrlL", "echo twelve\x0c", "twelve"},
		{"OtherKeys", "\x1b[5~\x1c\x1bOPecho\x1b[2~ \x1b\x14thirteen\x1bx", "thirteen"},
		{"Quotes", `echo 'a  b' "c"`, "a  b c"},
		{"Wide", "echo 日本語\x02\x02\x7fX", "X本語"},
		{"Pasted", "echo a\recho b\recho c", "a"},
		{"AfterPasted", "echo d", "d"},
		{"LongLine", "echo --shell " + strings.Repeat("x", 700) + "\x01\x05", strings.Repeat("x", 700)},
		{"Tab", "ec\tfourteen", "fourteen"},
		{"TabOption", "echo --sh\t'a b'", "'a b'"},
		{"TabNone", "echo --nosu\t\t\x15echo fifteen", "fifteen"},
		{"TabInTheMiddle", " sixteen\x01ec\t\x7f", "sixteen"},
	}
	for _, test := range tests {
		if !t.Run(test.name, func(t *testing.T) {
			term.t = t
			term.does(test.keys, test.prints)
		}) {
			t.FailNow() // the others would wait for what does not come
		}
	}
	term.t = t
	term.lives()
}

// TestShellTab completes names that are held now.
func TestShellTab(t *testing.T) {
	h := newHouse(t)
	home := t.TempDir()
	disk := filepath.Join(home, "my disk's "+strings.Repeat("very ", 30)+"long name.raw")
	for _, name := range []string{disk, filepath.Join(home, "other")} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		h.hold(t, h.guest, api.Resource{Name: name})
	}
	term := openShell(t, home, "-q", "--socket", h.Socket)
	for _, width := range []uint16{200, 80, 20} {
		t.Run(fmt.Sprint("Width", width), func(t *testing.T) {
			term.t = t
			term.lives()
			term.resize(width)
			term.does("echo --shell \x15list --name "+home+"/m\t\x01\x0b"+"echo --sh\t'a b'", "'a b'")
			term.typeIn("inspect -q " + home + "/m\t\r")
			term.expect("\r\n-\t" + disk + "\texclusive\t")
			term.expect(promptWrite)
			term.typeIn("inspect -q '" + home + "/m\t\r")
			term.expect("\r\n-\t" + disk + "\texclusive\t")
			term.expect(promptWrite)
			// Several, of which one is wider than the screen. The library's own
			// menu would fall over at these keys.
			term.typeIn("inspect -q " + home + "/\t\t" + down + "\x01\x05\x7f/\t")
			term.expect("\r\n" + home)
			term.typeIn("o\t\r")
			term.expect("\texclusive\tweb01\t")
			term.expect(promptWrite)
			term.lives()
		})
	}
}

// TestShellResize changes the width while a line is edited, also to none.
func TestShellResize(t *testing.T) {
	term := openShell(t, t.TempDir(), "-q")
	term.expect(promptWrite)
	for _, width := range []uint16{20, 300, 17, 1, 0, 10, 80} {
		term.typeIn("echo abc")
		term.expect("c")
		term.resize(width)
		term.does("\x02\x02\x02\x01\x05 def \x02", "abc def")
		term.typeIn("echo " + strings.Repeat("x", 100) + "\x01" + up + down + "\x12x\x03\x03")
		term.lives()
	}
}

// TestShellGoesUpOnce moves over the end of a screen line. After the column of the
// second line comes the end of the first, without another backspace.
func TestShellGoesUpOnce(t *testing.T) {
	term := openShell(t, t.TempDir(), "-q")
	term.expect(promptWrite)
	term.resize(20)
	term.typeIn("echo\x01")
	term.expect("echo\b\x1b[A\r\x1b[20C\b\b")
}

// silent is a daemon that answers nothing. It tells of each connection.
func silent(t *testing.T) (socket string, connected <-chan net.Conn) {
	t.Helper()
	dir, err := os.MkdirTemp("", "admin")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	conns := make(chan net.Conn)
	go func() {
		defer close(conns)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			conns <- c
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		for c := range conns {
			_ = c.Close()
		}
		_ = os.RemoveAll(dir)
	})
	return l.Addr().String(), conns
}

// TestShellCancels a command that waits, and the rest of its line, and nothing
// else.
func TestShellCancels(t *testing.T) {
	socket, connected := silent(t)
	term := openShell(t, t.TempDir(), "-q")
	term.expect(promptWrite)
	for range 3 {
		term.typeIn("--timeout 0 --socket " + socket + " status; echo not reached\r")
		select {
		case c := <-connected:
			defer c.Close()
		case <-time.After(100 * time.Millisecond): // the connection is kept
		}
		term.typeIn("\x03")
		if between := term.expect("error: interrupted\r\n"); strings.Contains(between, "\nnot reached") {
			t.Errorf("went on: %q", between)
		}
		term.lives()
	}
	term.typeIn("--timeout 0.1 --socket " + socket + " status\r")
	term.expect("error: the daemon does not answer\r\n")
	term.lives()
	term.typeIn("\x04")
	if got := term.status(); got != exitOK {
		t.Errorf("status %d", got)
	}
}

// TestShellTerminated has a line half typed when the shell is told to end. It must
// not run, and the terminal has to be as it was.
func TestShellTerminated(t *testing.T) {
	home := t.TempDir()
	term := openShell(t, home, "-q")
	term.expect(promptWrite)
	term.does("echo before", "before")
	term.typeIn("cd /nowhere")
	term.expect("nowhere")
	if err := term.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := term.status(); got != exitFailed {
		t.Errorf("status %d", got)
	}
	term.expect("error: interrupted\r\n")
	if state, err := unix.IoctlGetTermios(int(term.pty.Fd()), unix.TCGETS); err != nil || state.Lflag&unix.ECHO == 0 {
		t.Errorf("terminal: %v, %v", state, err)
	}
	b, err := os.ReadFile(filepath.Join(home, ".cache/libvirt/virtlock-admin/history"))
	if err != nil || string(b) != "echo before\n" {
		t.Errorf("history: %q, %v", b, err)
	}
}

// TestShellHungUp loses its terminal with a line half typed, and no signal to tell
// it so. The line must not run: it would be in the history.
func TestShellHungUp(t *testing.T) {
	home := t.TempDir()
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, filepath.Join(home, "virtlock-admin"))
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", `trap "" HUP; "$HOME/virtlock-admin" -q; echo $? >"$HOME/status"`)
	cmd.Dir, cmd.Env = home, []string{"HOME=" + home, "TERM=xterm", "GORACE=atexit_sleep_ms=0"}
	term := openTerminal(t, cmd)
	term.expect(promptWrite)
	term.does("echo before", "before")
	term.typeIn("echo never")
	term.expect("never")
	if err := term.pty.Close(); err != nil {
		t.Fatal(err)
	}
	term.status()
	if b, err := os.ReadFile(filepath.Join(home, "status")); err != nil || string(b) != "0\n" {
		t.Errorf("status %q, %v", b, err)
	}
	b, err := os.ReadFile(filepath.Join(home, ".cache/libvirt/virtlock-admin/history"))
	if err != nil || string(b) != "echo before\n" {
		t.Errorf("history: %q, %v", b, err)
	}
}

// TestShellHistories has two shells at once, and one afterwards.
func TestShellHistories(t *testing.T) {
	home := t.TempDir()
	one, two := openShell(t, home, "-q"), openShell(t, home, "-q")
	one.expect(promptWrite)
	two.expect(promptWrite)
	one.does("echo one", "one")
	two.does("echo two", "two")
	one.does(up, "one")
	one.does("echo three", "three")
	two.typeIn("\x04")
	one.typeIn("exit\r")
	one.status()
	two.status()
	later := openShell(t, home, "-q")
	later.expect(promptWrite)
	later.does(up+up+up+up, "two")
	later.does(up+up+up, "three")
}

// recovers finds out whether the shell comes back from whatever it does. The kernel
// forgets what was typed before a Ctrl-C that interrupts a command.
func (term *terminal) recovers() bool {
	for range 5 {
		word := fmt.Sprint("alive", rand.Int())
		term.typeIn("\x03\x03\r")
		term.typeIn("echo " + word + "\r")
		if term.expectWithin("\r\n"+word+"\r\n", 4*time.Second) {
			return true
		}
	}
	return false
}

// TestShellMonkey types nonsense for a while, but for what the kernel acts on while
// a command runs.
func TestShellMonkey(t *testing.T) {
	h := newHouse(t)
	term := openShell(t, t.TempDir(), "-q", "--socket", h.Socket)
	term.expect(promptWrite)
	keys := []string{
		"\x00", "\x01", "\x02", "\x05", "\x06", "\x07", "\x08", "\t", "\x0b", "\x0c", "\x0e", "\x10", "\x12", "\x13", "\x14",
		"\x15", "\x17", "\x19", "\x1b", "\x1e", "\x7f", up, down, "\x1b[C", "\x1b[D", del, "\x1b[1~", "\x1b[4~", "\x1bb",
		"\x1bf", "\x1bd", "\x1b\x7f", "\x1b\x14", "\x1bO", "\x1b[", "e", "l", "list ", "inspect ", "--name=", "/", "'", `"`, `\`, "#",
		"日", " ", ";", "\x03", "\r", "\xff",
	}
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 60 {
		term.expectWithin(promptWrite, time.Second) // seldom missed, and then no harm
		term.resize(uint16(random.IntN(100)))
		var typed strings.Builder
		for range 50 {
			typed.WriteString(keys[random.IntN(len(keys))])
		}
		term.typeIn(typed.String())
		if !term.recovers() {
			t.Fatalf("round %d: %q\n%q", round, typed.String(), term.tail())
		}
	}
}

// TestShellOnADumbTerminal does not edit lines.
func TestShellOnADumbTerminal(t *testing.T) {
	term := openShell(t, t.TempDir(), "-q", "TERM=dumb")
	term.expect(promptWrite)
	term.typeIn("echo one; echo \x03") // ends the program, as it would cat
	if got := term.status(); got != exitFailed {
		t.Errorf("status %d", got)
	}
}
