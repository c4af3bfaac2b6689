package systemd

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"virtlock/test/bed"
)

// proberVar makes the test binary a prober of the file it names: a process that
// knows nothing but a kind of lock on the file's first byte, as another host's
// lock daemon does.
const proberVar = "VIRTLOCK_TEST_PROBE"

// probePause is the time between two rounds of tries.
const probePause = time.Millisecond

// probe is the prober's process. It tries until its standard input ends. It
// tells each kind of lock that it gets for the first time, and in the end how
// often it tried and succeeded, and the longest time between two tries.
func probe(path string) int {
	// Opened once: to close any other descriptor would give up a POSIX lock.
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	kinds := []struct {
		name    string
		command int
		won     int
	}{{"OFD", unix.F_OFD_SETLK, 0}, {"POSIX", unix.F_SETLK, 0}}
	tries, longest := 0, time.Duration(0)
	fmt.Println("begun")
	for last := time.Now(); ; {
		for i := range kinds {
			k := &kinds[i]
			tries++
			if try(file, k.command) {
				if k.won++; k.won == 1 {
					fmt.Println("won", k.name)
				}
			}
		}
		now := time.Now()
		longest, last = max(longest, now.Sub(last)), now
		select {
		case <-ended:
			fmt.Println("result", tries, kinds[0].won+kinds[1].won, longest.Microseconds())
			return 0
		case <-time.After(probePause):
		}
	}
}

// try takes a lock and gives it back, and reports whether it was there to take.
func try(file *os.File, command int) bool {
	lock := unix.Flock_t{Type: unix.F_WRLCK, Len: 1}
	if unix.FcntlFlock(file.Fd(), command, &lock) != nil {
		return false
	}
	lock.Type = unix.F_UNLCK
	return unix.FcntlFlock(file.Fd(), command, &lock) == nil
}

// prober is a prober as its test sees it.
type prober struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.Closer
	lines *bufio.Scanner
}

// startProber starts a prober, which has begun then.
func startProber(t *testing.T, path string) *prober {
	t.Helper()
	p := &prober{t: t, cmd: exec.Command("/proc/self/exe")}
	p.cmd.Env = append(os.Environ(), proberVar+"="+path)
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	out, err := p.cmd.StdoutPipe()
	if err == nil {
		p.stdin, err = p.cmd.StdinPipe()
	}
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	})
	p.lines = bufio.NewScanner(out)
	p.await("begun")
	return p
}

// await waits for a line.
func (p *prober) await(want string) string {
	p.t.Helper()
	watch := time.AfterFunc(bed.Patience, func() { p.cmd.Process.Kill() })
	defer watch.Stop()
	for p.lines.Scan() {
		if strings.HasPrefix(p.lines.Text(), want) {
			return p.lines.Text()
		}
	}
	p.t.Fatalf("the prober has never said %q", want)
	return ""
}

// wantNone ends the prober, which must not have got the lock once.
func (p *prober) wantNone() {
	p.t.Helper()
	p.stdin.Close()
	var tries, won int
	var longest int64
	if _, err := fmt.Sscanf(p.await("result"), "result %d %d %d", &tries, &won, &longest); err != nil {
		p.t.Fatal(err)
	}
	p.t.Logf("%d tries to take the lock, %d successful, at most %d µs apart", tries, won, longest)
	if won > 0 {
		p.t.Errorf("the lock was free %d times of %d", won, tries)
	}
}
