package reexec

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
	"virtlock/test/bed"
)

// busy are clients of both protocols that ask all the time. Each reply has to be
// that to the request: neither one less nor one more.
type busy struct {
	stop    atomic.Bool
	running sync.WaitGroup
	calls   atomic.Int64
	longest atomic.Int64 // nanoseconds from a request to its reply
}

// startBusy starts so many clients of each protocol.
func (r *rig) startBusy(n int) *busy {
	r.t.Helper()
	b := new(busy)
	for range n {
		guest := r.guest().PID()
		c, disk := r.guestRPC("vm", guest), r.image()
		b.run(r.t, func() error {
			if err := c.acquire(disk, 0); err != nil {
				return err
			}
			return c.release(disk)
		})
		l, other, id := r.lines(), r.image(), 0
		l.owner("owner", guest)
		release := api.ReleaseParams{Resources: []api.ResourceName{{Name: other}}}
		b.run(r.t, func() error {
			for _, c := range [][]byte{call(id+1, api.LockAcquire, acquireParams(other, time.Hour)), call(id+2, api.LockRelease, release)} {
				if _, err := l.Write(c); err != nil {
					return err
				}
				id++
				if read, err := l.read(); err != nil || read.ID != id || read.Error != nil {
					return fmt.Errorf("got %+v, %v instead of the result of call %d", read, err, id)
				}
			}
			return nil
		})
	}
	return b
}

// run calls a function that makes two calls, until the end.
func (b *busy) run(t testing.TB, two func() error) {
	b.running.Go(func() {
		for !b.stop.Load() {
			begin := time.Now()
			if err := two(); err != nil {
				t.Errorf("after %d calls of all clients: %v", b.calls.Load(), err)
				return
			}
			took := int64(time.Since(begin))
			for old := b.longest.Load(); took > old && !b.longest.CompareAndSwap(old, took); old = b.longest.Load() {
			}
			b.calls.Add(2)
		}
	})
}

// end waits for the last replies.
func (b *busy) end() {
	b.stop.Store(true)
	b.running.Wait()
}

// TestBusyClients are answered exactly once through many re-execs.
func TestBusyClients(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*rig{"race": start(t), "quick": startQuick(t)} {
		b := r.startBusy(5)
		times := map[string]int{"race": 15, "quick": 100}[name]
		for range times {
			r.reexec()
			r.newClient()
		}
		b.end()
		calls, s := b.calls.Load(), r.status()
		t.Logf("%s: %d calls through %d re-execs, the slowest took %v", name, calls, times, time.Duration(b.longest.Load()))
		if s.Granted != uint64(calls/2) || s.Released != uint64(calls/2) || s.Refused != 0 || s.Locks != 0 {
			t.Errorf("after %d calls: %+v", calls, s)
		}
	}
}

// newClient connects, asks and leaves, as libvirtd does.
func (r *rig) newClient() {
	r.t.Helper()
	c := r.Connect()
	defer c.Close()
	c.Must(api.LockspaceList, api.Empty{}, nil)
}

// TestSignalStorms send many signals at once, and pairs of them at all distances.
func TestSignalStorms(t *testing.T) {
	t.Parallel()
	r := startQuick(t)
	disk := r.image()
	r.Owner("owner", r.guest().PID()).MustAcquire(bed.Direct(disk))
	b := r.startBusy(2)
	for range 1000 {
		r.daemon.Signal(unix.SIGUSR1)
	}
	r.reexec()
	for distance := time.Duration(0); distance < 20*time.Millisecond; distance += 250 * time.Microsecond {
		r.daemon.Signal(unix.SIGUSR1)
		time.Sleep(distance)
		r.daemon.Signal(unix.SIGUSR1)
		r.newClient()
		r.reexec()
	}
	b.end()
	if s := r.status(); s.PID != r.daemon.PID() || s.Locks != 1 || !isLocked(disk) {
		t.Errorf("%+v", s)
	}
	if s := r.status(); s.Granted != 1+uint64(b.calls.Load()/2) {
		t.Errorf("%d granted after %d calls", s.Granted, b.calls.Load())
	}
}

// TestTwoCallers of daemon.reexec at once both hear of it, from the new program.
func TestTwoCallers(t *testing.T) {
	t.Parallel()
	r := startQuick(t)
	clients := make([]*lines, 10)
	for i := range clients {
		clients[i] = r.lines()
	}
	for round := range 20 {
		for _, l := range clients {
			l.send(round, api.DaemonReexec, api.Empty{})
			l.send(1000+round, api.LockspaceList, api.Empty{})
		}
		for _, l := range clients {
			got := map[int]bool{}
			for range 2 {
				read := l.next()
				if read.Error != nil {
					t.Errorf("call %d failed: %v", read.ID, read.Error)
				}
				got[read.ID] = true
			}
			if !got[round] || !got[1000+round] {
				t.Errorf("in round %d came %v", round, got)
			}
		}
	}
}
