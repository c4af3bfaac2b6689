package storage

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"virtlock/test/bed"
)

// stopBound is how long a stop may take that storage holds up.
const stopBound = 10 * time.Second

// hangCalls makes calls hang in the storage of a host. The channel is closed
// when each caller has its reply, or knows that there will be none.
func hangCalls(t *testing.T, h *bed.Host, calls int) (storage *hungFS, ended <-chan struct{}) {
	t.Helper()
	var images []string
	for i := range calls {
		images = append(images, fmt.Sprintf("%d.img", i))
	}
	storage, dir := mountHung(t, h, images...)
	var callers sync.WaitGroup
	for _, image := range images {
		storage.hang("open", image)
		client := h.Owner("web01", unix.Getpid())
		callers.Go(func() { client.Acquire(bed.Direct(filepath.Join(dir, image))) })
		storage.waitStuck(t)
	}
	done := make(chan struct{})
	go func() { callers.Wait(); close(done) }()
	return storage, done
}

// A process that waits for dead storage cannot end, not even by SIGKILL, and
// until then the kernel keeps its descriptors open. So what others wait for must
// not be left to the end of the process: the sockets, and word to each client.
func TestStopDoesNotWaitForHungStorage(t *testing.T) {
	t.Parallel()
	h := bed.NewHost(t, bed.Ours)
	lockd := h.StartVirtlockd()
	idle := h.Connect()
	storage, caller := hangCalls(t, h, 1)

	lockd.Signal(unix.SIGTERM)
	bed.Eventually(t, "the socket is gone", func() bool { return !h.Exists(bed.Socket) })
	for who, ended := range map[string]<-chan struct{}{"caller that hangs": caller, "idle client": idle.Closed()} {
		select {
		case <-ended:
		case <-time.After(stopBound):
			t.Errorf("the %s still waits after %v", who, stopBound)
		}
	}
	storage.answerAll()
	if how := lockd.Wait(); how != "exit status 0" {
		t.Errorf("virtlockd ended with %s", how)
	}
}

// The kernel gives a process's signal to its first thread whenever it can, and
// there it waits when that thread waits for storage: the daemon would be deaf to
// a stop. Which thread makes a call is chance, hence so many.
func TestFirstThreadDoesNotWaitForStorage(t *testing.T) {
	t.Parallel()
	for range 60 {
		h := bed.NewHost(t, bed.Ours)
		lockd := h.StartVirtlockd()
		hangCalls(t, h, 8)
		// The number of the system call that the first thread is in, and more.
		call := h.Read(fmt.Sprintf("/proc/%d/task/%[1]d/syscall", lockd.PID()))
		if strings.HasPrefix(call, fmt.Sprintf("%d ", unix.SYS_OPENAT)) {
			t.Error("the first thread waits for storage, and signals wait with it")
		}
	}
}
