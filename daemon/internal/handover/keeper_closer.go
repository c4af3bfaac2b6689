package handover

import (
	"sync"

	"golang.org/x/sys/unix"
)

// closer closes descriptors of files. That may take as long as the storage below
// does, so those of one device wait for each other and for nobody else (law 6).
type closer struct {
	mu     sync.Mutex // guards queues
	queues map[uint64][]int
}

// close closes a descriptor soon. Nobody waits for the goroutines that do it:
// the end of the process does the same.
func (c *closer) close(device uint64, fd int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	queue, working := c.queues[device]
	c.queues[device] = append(queue, fd)
	if !working {
		go c.work(device)
	}
}

// work closes what is queued for a device.
func (c *closer) work(device uint64) {
	for batch := c.next(device); len(batch) > 0; batch = c.next(device) {
		for _, fd := range batch {
			unix.Close(fd)
		}
	}
}

// next takes what is queued for a device. When it is nothing, the device has
// nobody any more who works for it.
func (c *closer) next(device uint64) []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	batch := c.queues[device]
	if len(batch) == 0 {
		delete(c.queues, device)
		return nil
	}
	c.queues[device] = nil
	return batch
}
