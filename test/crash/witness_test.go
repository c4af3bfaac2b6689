package crash

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// witnessVariable makes the test binary a witness of the file that it names.
const witnessVariable = "VIRTLOCK_CRASH_WITNESS"

// witness is a process that knows nothing but the kernel: until its input ends it
// looks again and again whether a file is locked. It says how often it looked, and
// how often the file was free.
func witness(path string) int {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	end := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(end)
	}()
	looks, free := 0, 0
	for {
		lock := unix.Flock_t{Type: unix.F_WRLCK, Len: 1}
		if err := unix.FcntlFlock(file.Fd(), unix.F_OFD_GETLK, &lock); err == nil {
			looks++
			if lock.Type == unix.F_UNLCK {
				free++
			}
		}
		select {
		case <-end:
			fmt.Println(looks, free)
			return 0
		case <-time.After(50 * time.Microsecond):
		}
	}
}

// watch starts a witness. The function returned ends it, and fails the test if the
// file was free at any time.
func watch(t *testing.T, path string) (end func() (looks int)) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), witnessVariable+"="+path)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill() })
	return func() int {
		t.Helper()
		in.Close()
		looks, free := 0, 0
		if _, err := fmt.Fscan(out, &looks, &free); err != nil {
			t.Errorf("the witness says nothing: %v", err)
		}
		cmd.Wait()
		if looks == 0 || free > 0 {
			t.Errorf("%s was free in %d of %d looks", path, free, looks)
		}
		return looks
	}
}
