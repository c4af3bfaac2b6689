package filelock

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// probe is a program that wants a lock for as long as its standard input is
// open, as a POSIX lock and as one of the open file by turns. It gives back what
// it gets, and says how often it got it.
func probe(kind int16, path string) {
	fd, err := unix.Open(path, unix.O_RDWR, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	ended := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	fmt.Println("<nil>")
	won := 0
	for {
		select {
		case <-ended:
			fmt.Println(won)
			return
		default:
		}
		for _, command := range []int{unix.F_SETLK, unix.F_OFD_SETLK} {
			lk := lockOn(kind)
			if unix.FcntlFlock(uintptr(fd), command, &lk) == nil {
				won++
				lk.Type = unix.F_UNLCK
				unix.FcntlFlock(uintptr(fd), command, &lk)
			}
		}
	}
}

// startProber starts a program that wants a lock of a kind all the time.
func startProber(t *testing.T, kind, path string) *program {
	t.Helper()
	p := start(t, kind+" probe", path)
	if p.answer != "<nil>" {
		t.Fatalf("the prober says %s", p.answer)
	}
	return p
}

// wins ends a prober and tells how often it got the lock.
func (p *program) wins() int {
	p.t.Helper()
	must(p.t, p.stdin.Close())
	line, err := p.stdout.ReadString('\n')
	must(p.t, err)
	must(p.t, p.cmd.Wait())
	n, err := strconv.Atoi(strings.TrimSpace(line))
	must(p.t, err)
	return n
}
