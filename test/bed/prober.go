package bed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Prober is a process that tries all the time to lock files that are locked, as a
// program would that knows nothing of virtlockd: with an exclusive lock on byte 0,
// of either kind.
type Prober struct {
	t   testing.TB
	cmd *exec.Cmd
	in  io.Closer
	out *bytes.Buffer
}

// Probed is what a Prober has seen.
type Probed struct {
	Tries int
	Won   []string // the locks that it got, which it should not
}

// probePause is between two rounds over all files. Without it the prober would
// take a processor from the guests.
const probePause = 50 * time.Microsecond

// Probe starts a prober of files, all of which have to be locked until its Stop.
func Probe(t testing.TB, files ...string) *Prober {
	t.Helper()
	p := &Prober{t: t, cmd: exec.Command("/proc/self/exe", files...), out: new(bytes.Buffer)}
	p.cmd.Env = append(os.Environ(), roleVar+"="+roleProber)
	p.cmd.Stdout, p.cmd.Stderr = p.out, os.Stderr
	in, err := p.cmd.StdinPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		t.Fatalf("start prober: %v", err)
	}
	p.in = in
	t.Cleanup(func() { p.cmd.Process.Kill(); p.cmd.Wait() })
	return p
}

// Stop ends the prober, and says what it has seen.
func (p *Prober) Stop() Probed {
	p.t.Helper()
	p.in.Close()
	if err := p.cmd.Wait(); err != nil {
		p.t.Fatalf("prober: %v", err)
	}
	var seen Probed
	if err := json.Unmarshal(p.out.Bytes(), &seen); err != nil {
		p.t.Fatalf("prober printed %q: %v", p.out, err)
	}
	return seen
}

// runProber is the process: it probes until its standard input ends.
func runProber(files []string) int {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	probes, err := openProbes(files)
	if err != nil {
		return complain("prober: %v", err)
	}
	var seen Probed
	for {
		select {
		case <-ended:
			if err := json.NewEncoder(os.Stdout).Encode(seen); err != nil {
				return complain("prober: %v", err)
			}
			return 0
		default:
		}
		// Not the runtime's sleep, which is a millisecond at least on a busy machine.
		pause := unix.NsecToTimespec(int64(probePause))
		unix.Nanosleep(&pause, nil)
		for _, p := range probes {
			won, err := p.try()
			if err != nil {
				return complain("prober: %v", err)
			}
			seen.Tries++
			if won {
				seen.Won = append(seen.Won, fmt.Sprintf("%s %s at %s", p.kind.Name, p.file.Name(), time.Now().Format("15:04:05.000000")))
			}
		}
	}
}

// probe is an open file, for one kind of lock.
type probe struct {
	kind Kind
	file *os.File
}

func openProbes(files []string) ([]probe, error) {
	var probes []probe
	for _, path := range files {
		for _, kind := range []Kind{POSIX, OFD} {
			file, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				return nil, err
			}
			probes = append(probes, probe{kind, file})
		}
	}
	return probes, nil
}

// try tries to get the lock, and gives it back at once.
func (p *probe) try() (won bool, err error) {
	lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart, Len: 1}
	switch err := unix.FcntlFlock(p.file.Fd(), p.kind.try, &lock); err {
	case nil:
		lock.Type = unix.F_UNLCK
		return true, unix.FcntlFlock(p.file.Fd(), p.kind.try, &lock)
	case unix.EAGAIN, unix.EACCES, unix.EINTR:
		return false, nil
	default:
		return false, err
	}
}
