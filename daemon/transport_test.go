package daemon

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Nothing follows a message that is torn, and there are last words but once.
func TestNoMessageAfterATornOne(t *testing.T) {
	p := newQuietPoller(t)
	c, other := newIdleConn(t)
	if err := p.add(c); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	end()
	began := time.Now()
	torn := bytes.Repeat([]byte("a"), 16<<20) // more than a socket takes
	if err := c.write(ctx, p, torn); !errors.Is(err, context.Canceled) {
		t.Fatalf("wrote what nobody reads: %v", err)
	}
	for {
		b := make([]byte, 1<<20)
		n, err := unix.Read(other, b)
		if n <= 0 {
			if n != 0 {
				t.Errorf("the torn message ends with %v", err)
			}
			break
		}
	}
	for range 20 {
		if err := c.write(ctx, p, []byte("b")); !errors.Is(err, context.Canceled) {
			t.Errorf("wrote after a torn message: %v", err)
		}
	}
	if took := time.Since(began); took > 10*lastWords {
		t.Errorf("the last words took %v", took)
	}
}

// A client that reads a little now and then does not make the last words longer.
func TestLastWordsHaveOneEnd(t *testing.T) {
	p := newQuietPoller(t)
	c, other := newIdleConn(t)
	if err := p.add(c); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	end()
	began := time.Now()
	ended := make(chan struct{})
	var reading sync.WaitGroup
	reading.Go(func() {
		for b := make([]byte, 1<<10); ; {
			select {
			case <-ended:
				return
			case <-time.After(time.Millisecond):
				unix.Read(other, b)
				c.room(p) // as the poller does when there is room
			}
		}
	})
	for b := make([]byte, 1<<20); c.write(ctx, p, b) == nil; {
		if time.Since(began) > 20*lastWords {
			t.Error("they go on and on")
			break
		}
	}
	close(ended)
	reading.Wait()
}

// newServed makes a daemon that the test serves.
func newServed(t *testing.T) *Daemon {
	t.Helper()
	dir, err := os.MkdirTemp("", "vl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "sock"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	d, err := New(Config{Listener: l, Settings: DefaultSettings()})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestServeEndsWithItsContext(t *testing.T) {
	ctx, end := context.WithCancelCause(t.Context())
	end(errors.New("a reason of the caller's"))
	if err := newServed(t).Serve(ctx); err != nil {
		t.Errorf("cancelled: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := newServed(t).Serve(ctx); err != nil {
		t.Errorf("after a deadline: %v", err)
	}
}

func TestServeFailsWithThePoller(t *testing.T) {
	d := newServed(t)
	d.poller.failed <- unix.EBADF
	if err := d.Serve(t.Context()); err != unix.EBADF {
		t.Errorf("Serve: %v", err)
	}
}

func TestAcceptErrorsThatPass(t *testing.T) {
	for number, want := range map[syscall.Errno]bool{
		unix.ENOMEM: true, unix.ENOBUFS: true, unix.EPERM: true, unix.EPROTO: true,
		unix.EBADF: false, unix.EINVAL: false,
	} {
		if passes(os.NewSyscallError("accept4", number)) != want {
			t.Errorf("%v passes: %v", number, !want)
		}
	}
	if passes(os.ErrClosed) {
		t.Error("a closed socket passes")
	}
}
