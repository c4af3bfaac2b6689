package handover_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"virtlock/daemon/internal/filelock"
	"virtlock/daemon/internal/handover"
)

// roleEnv makes this test binary another program, wherever it is started.
const roleEnv = "HANDOVER_LIBVIRT_ROLE"

func init() {
	var role func() error
	switch os.Getenv(roleEnv) {
	case "":
		return
	case "save":
		role = saveState
	case "take":
		role = takeAndGiveBack
	case "probe":
		role = probe
	}
	if err := role(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	syscall.Exit(1)
}

// saveState stands in the place of libvirt's daemon and keeps what it left.
func saveState() error {
	if err := os.Rename(libvirtsState, "/run/saved"); err != nil {
		return err
	}
	select {}
}

// takeAndGiveBack takes over from libvirt's daemon, writes down what it got, and
// hands it back when it gets the signal that libvirt's daemon would.
func takeAndGiveBack() error {
	again := make(chan os.Signal, 1)
	signal.Notify(again, unix.SIGUSR1)
	s, err := handover.TakeLibvirt(libvirtsState)
	if s == nil || err != nil {
		return fmt.Errorf("took %v: %w", s, err)
	}
	for _, h := range s.Holds {
		if h.FD < 0 {
			continue
		}
		mode := filelock.Exclusive
		if h.Shared {
			mode = filelock.Shared
		}
		if _, err := filelock.FromPOSIX(h.FD, mode); err != nil {
			return err
		}
	}
	// No POSIX lock may be left: the close of another descriptor drops them.
	if err := closeAnother(s.Holds); err != nil {
		return err
	}
	if err := writeWhole("/run/taken", s.Append(nil)); err != nil {
		return err
	}
	<-again
	if err := acceptOne(s); err != nil {
		return err
	}
	fit := handover.FitLibvirt(s)
	if err := writeWhole("/run/fit", fmt.Appendln(nil, fit.Closing, strings.Join(fit.Objections, "; "))); err != nil {
		return err
	}
	if err := handover.WriteLibvirt(libvirtsState, s, os.Getpid()); err != nil {
		return err
	}
	signal.Ignore(unix.SIGUSR1)
	return unix.Exec(libvirtsDaemon, []string{libvirtsDaemon}, os.Environ())
}

// acceptOne accepts a client of the main socket, which has not said anything.
func acceptOne(s *handover.State) error {
	for _, socket := range s.Sockets {
		if socket.Name == "main" {
			fd, _, err := unix.Accept(socket.FD)
			s.Totals.Client++
			s.Clients = append(s.Clients, handover.Client{ID: s.Totals.Client, FD: fd, Socket: socket.Name})
			return err
		}
	}
	return errors.New("no main socket")
}

func closeAnother(holds []handover.Hold) error {
	for _, h := range holds {
		if h.FD < 0 {
			continue
		}
		fd, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", h.FD), unix.O_RDWR, 0)
		if err = errors.Join(err, unix.Close(fd)); err != nil {
			return err
		}
	}
	return nil
}

func writeWhole(path string, b []byte) error {
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// probe wants the lock of a file until its standard input ends, in the mode that
// its argument says. It knows nothing but fcntl.
func probe() error {
	kind := map[string]int16{"write": unix.F_WRLCK, "read": unix.F_RDLCK}[os.Args[1]]
	fd, err := unix.Open(os.Args[2], unix.O_RDWR, 0)
	if err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	won, tries := 0, 0
	for ; ; tries++ {
		select {
		case <-ended:
			fmt.Println(won, tries)
			syscall.Exit(0)
		default:
		}
		command := []int{unix.F_SETLK, unix.F_OFD_SETLK}[tries%2]
		if unix.FcntlFlock(uintptr(fd), command, &unix.Flock_t{Type: kind, Len: 1}) == nil {
			won++
			unix.FcntlFlock(uintptr(fd), command, &unix.Flock_t{Type: unix.F_UNLCK, Len: 1})
		}
	}
}

// prober is a process that probes.
type prober struct {
	cmd   *exec.Cmd
	stdin io.Closer
	out   strings.Builder
}

func startProber(t *testing.T, kind, path string) *prober {
	t.Helper()
	p := &prober{cmd: exec.Command("/proc/self/exe", kind, path)}
	p.cmd.Env = append(os.Environ(), roleEnv+"=probe", "GORACE=atexit_sleep_ms=0")
	p.cmd.Stdout, p.cmd.Stderr = &p.out, os.Stderr
	stdin, err := p.cmd.StdinPipe()
	need(t, err)
	p.stdin = stdin
	need(t, p.cmd.Start())
	t.Cleanup(func() { p.cmd.Process.Kill(); p.cmd.Wait() })
	return p
}

// wins ends the prober and tells how often it got the lock.
func (p *prober) wins(t *testing.T) int {
	t.Helper()
	need(t, p.stdin.Close())
	need(t, p.cmd.Wait())
	words := strings.Fields(p.out.String())
	if len(words) != 2 || words[1] == "0" {
		t.Fatalf("the prober says %q", p.out.String())
	}
	t.Logf("%s tries", words[1])
	won, err := strconv.Atoi(words[0])
	need(t, err)
	return won
}
