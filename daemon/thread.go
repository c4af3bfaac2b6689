package daemon

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// thread is a thread of this process, by the kernel's number.
type thread int

// thisThread is the caller's now: the runtime may move a goroutine to another one.
func thisThread() thread { return thread(unix.Gettid()) }

// waits reports whether the thread waits for something, storage say. One that
// does not is at work, or would be if it had a CPU, proc_pid_stat(5).
func (t thread) waits() bool {
	b, err := os.ReadFile("/proc/self/task/" + strconv.Itoa(int(t)) + "/stat")
	// The state is behind the name, which is in parentheses and may have some.
	end := bytes.LastIndexByte(b, ')')
	return err != nil || !bytes.HasPrefix(b[end+1:], []byte(" R"))
}
