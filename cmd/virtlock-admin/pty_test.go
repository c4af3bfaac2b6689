package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is a pseudo-terminal with a program on it.
type terminal struct {
	t    *testing.T
	cmd  *exec.Cmd
	pty  *os.File
	news chan struct{} // filled when there is more output

	mu     sync.Mutex // guards the fields that follow
	output strings.Builder
	seen   int // how much of it was expected already
}

// openTerminal starts a program on a terminal. The program ends with the test.
func openTerminal(t *testing.T, cmd *exec.Cmd) *terminal {
	t.Helper()
	pty, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	tty := openSlave(t, pty)
	defer tty.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	term := &terminal{t: t, cmd: cmd, pty: pty, news: make(chan struct{}, 1)}
	var reading sync.WaitGroup
	reading.Go(term.read)
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = pty.Close()
		reading.Wait()
	})
	return term
}

// openSlave opens the side of the program, and makes the terminal 200 columns
// wide.
func openSlave(t *testing.T, pty *os.File) *os.File {
	t.Helper()
	fd := int(pty.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: 200})
	}
	// Fd made it blocking, and closing it would not end a read.
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return tty
}

func (term *terminal) read() {
	buffer := make([]byte, 4096)
	for {
		n, err := term.pty.Read(buffer)
		term.mu.Lock()
		term.output.Write(buffer[:n])
		term.mu.Unlock()
		select {
		case term.news <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// resize makes the terminal of another width.
func (term *terminal) resize(columns uint16) {
	term.t.Helper()
	size := &unix.Winsize{Row: 50, Col: columns}
	if err := unix.IoctlSetWinsize(int(term.pty.Fd()), unix.TIOCSWINSZ, size); err != nil {
		term.t.Fatal(err)
	}
	if err := unix.SetNonblock(int(term.pty.Fd()), true); err != nil {
		term.t.Fatal(err)
	}
}

// status waits for the program to end, and returns its exit status.
func (term *terminal) status() int {
	term.t.Helper()
	late := time.AfterFunc(20*time.Second, func() {
		term.t.Errorf("it does not end: %q", term.tail())
		_ = term.cmd.Process.Kill()
	})
	defer late.Stop()
	_ = term.cmd.Wait() // its exit status is looked at
	return term.cmd.ProcessState.ExitCode()
}

// typeIn types keys.
func (term *terminal) typeIn(keys string) {
	term.t.Helper()
	if _, err := term.pty.WriteString(keys); err != nil {
		term.t.Fatal(err)
	}
}

// expectWithin waits for a text to appear, and reports whether it did.
func (term *terminal) expectWithin(text string, limit time.Duration) bool {
	for deadline := time.After(limit); ; {
		if _, ok := term.find(text); ok {
			return true
		}
		select {
		case <-term.news:
		case <-deadline:
			return false
		}
	}
}

// tail is what was printed last.
func (term *terminal) tail() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	output := term.output.String()
	return output[max(0, len(output)-2000):]
}

// expect waits for a text to appear after what was expected before, and returns
// what is between.
func (term *terminal) expect(text string) string {
	term.t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		if between, ok := term.find(text); ok {
			return between
		}
		select {
		case <-term.news:
		case <-deadline:
			term.t.Fatalf("no %q in:\n%q", text, term.output.String())
		}
	}
}

func (term *terminal) find(text string) (between string, ok bool) {
	term.mu.Lock()
	defer term.mu.Unlock()
	between, _, ok = strings.Cut(term.output.String()[term.seen:], text)
	if ok {
		term.seen += len(between) + len(text)
	}
	return between, ok
}
