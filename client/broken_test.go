package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"virtlock/client"
	"virtlock/client/api"
)

func TestBrokenConnectionLosesItsLocks(t *testing.T) {
	end := make(chan struct{})
	c := fakeDaemon(t, func(fc *fakeConn) {
		fc.Register(api.TiedToConnection)
		fc.Grant(fc.Expect(api.LockAcquire))
		<-end
	})
	held, err := c.Acquire(t.Context(), 0, disk("a"))
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-held.Lost():
		t.Fatal("lost with a working connection")
	default:
	}
	close(end)
	<-held.Lost()
	if err := held.Release(t.Context()); !errors.Is(err, client.ErrLost) {
		t.Errorf("Release = %v, want ErrLost", err)
	}
	// The next call connects and registers anew, and does not hide the loss.
	again, err := c.Acquire(t.Context(), 0, disk("b"))
	if err != nil {
		t.Fatalf("Acquire on a new connection: %v", err)
	}
	<-again.Lost() // the fake ends this one too
	if err := held.Release(t.Context()); !errors.Is(err, client.ErrLost) {
		t.Errorf("Release after reconnecting = %v, want ErrLost", err)
	}
}

func TestLateGrantIsGivenBack(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	released := make(chan api.ReleaseParams, 1)
	c := fakeDaemon(t, func(fc *fakeConn) {
		fc.Register(api.TiedToConnection)
		fc.Grant(fc.Expect(api.LockAcquire))
		waiting := fc.Expect(api.LockAcquire)
		cancel()
		// The client is seen to have given up when it asks again.
		fc.Reply(fc.Expect(api.DaemonStatus), api.Status{})
		fc.Grant(waiting)
		release := fc.Expect(api.LockRelease)
		var params api.ReleaseParams
		if err := json.Unmarshal(release.Params, &params); err != nil {
			t.Error(err)
		}
		fc.Reply(release, api.LocksResult{})
		released <- params
		fc.Read()
	})
	if _, err := c.Acquire(t.Context(), 0, disk("kept")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Acquire(ctx, client.Forever, disk("late")); !errors.Is(err, context.Canceled) {
		t.Fatalf("Acquire = %v, want context.Canceled", err)
	}
	if _, err := c.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := <-released; len(got.Resources) != 1 || got.Resources[0].Name != "/late" {
		t.Errorf("released %+v, want /late", got)
	}
}

func TestCancelledWaitEndsWithItsConnection(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan bool, 1)
	c := fakeDaemon(t, func(fc *fakeConn) {
		fc.Register(api.TiedToConnection)
		fc.Expect(api.LockAcquire)
		cancel()
		_, more := fc.Read()
		gone <- !more
	})
	if _, err := c.Acquire(ctx, client.Forever, disk("a")); !errors.Is(err, context.Canceled) {
		t.Fatalf("Acquire = %v, want context.Canceled", err)
	}
	if !<-gone {
		t.Error("the connection stayed, and with it the wait")
	}
}

func TestReleaseIsSentThoughContextIsDone(t *testing.T) {
	released := make(chan struct{})
	c := fakeDaemon(t, func(fc *fakeConn) {
		fc.Register(api.TiedToConnection)
		fc.Grant(fc.Expect(api.LockAcquire))
		release := fc.Expect(api.LockRelease)
		fc.Reply(release, api.LocksResult{})
		close(released)
		fc.Read()
	})
	held, err := c.Acquire(t.Context(), 0, disk("a"))
	if err != nil {
		t.Fatal(err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := held.Release(done); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("Release = %v", err)
	}
	<-released
	if err := held.Release(t.Context()); err != nil {
		t.Errorf("second Release = %v", err)
	}
	if err := held.Release(t.Context()); err != nil {
		t.Errorf("third Release = %v", err)
	}
}

func TestIdleConnectionIsReplaced(t *testing.T) {
	c := fakeDaemon(t, func(fc *fakeConn) {
		fc.Reply(fc.Expect(api.DaemonStatus), api.Status{PID: fc.Number})
	})
	for want := 1; want <= 3; {
		status, err := c.Status(t.Context())
		switch {
		case errors.Is(err, client.ErrBroken), errors.Is(err, client.ErrUnreachable):
			continue // it was sent before the end of the old one was seen
		case err != nil:
			t.Fatal(err)
		case status.PID < want:
			t.Fatalf("answered by connection %d, want %d", status.PID, want)
		}
		want = status.PID + 1
	}
}

func TestUnanswered(t *testing.T) {
	tests := map[string]struct {
		serve func(*fakeConn)
		want  error
		hint  string
	}{
		"ClosedAtOnce": {
			func(*fakeConn) {},
			client.ErrUnreachable, "serves only the user",
		},
		"ClosedLater": {
			func(fc *fakeConn) {
				fc.Reply(fc.Expect(api.DaemonStatus), api.Status{})
				fc.Read()
			},
			client.ErrBroken, "",
		},
		"NotJSON": {
			func(fc *fakeConn) {
				fc.Read()
				fc.Send("HTTP/1.1 400 Bad Request")
			},
			client.ErrUnreachable, "socket of virtlockd",
		},
		"RefusedAsAWhole": {
			func(fc *fakeConn) {
				fc.Read()
				fc.Send(`{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"full","data":{"code":"limit"}}}`)
			},
			client.ErrLimit, "",
		},
		"Refused": {
			func(fc *fakeConn) {
				call, _ := fc.Read()
				fc.Fail(call, api.CodeLimit)
			},
			client.ErrLimit, "",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := fakeDaemon(t, test.serve)
			_, err := c.Status(t.Context())
			if err == nil {
				_, err = c.Status(t.Context())
			}
			if !errors.Is(err, test.want) {
				t.Fatalf("Status = %v, want %v", err, test.want)
			}
			var unreachable *client.UnreachableError
			if errors.As(err, &unreachable) && !strings.Contains(unreachable.Hint(), test.hint) {
				t.Errorf("hint = %q, want %q in it", unreachable.Hint(), test.hint)
			}
		})
	}
}

func TestRepliesInAnyOrder(t *testing.T) {
	c := fakeDaemon(t, func(fc *fakeConn) {
		first, _ := fc.Read()
		second, _ := fc.Read()
		for _, call := range []fakeCall{second, first} {
			if call.Method == api.DaemonStatus {
				fc.Reply(call, api.Status{PID: 1})
			} else {
				fc.Reply(call, api.LockspacesResult{Lockspaces: make([]api.Lockspace, 2)})
			}
		}
		fc.Read()
	})
	results := make(chan error, 2)
	go func() {
		status, err := c.Status(t.Context())
		if err == nil && status.PID != 1 {
			err = errors.New("status got another reply")
		}
		results <- err
	}()
	go func() {
		spaces, err := c.Lockspaces(t.Context())
		if err == nil && len(spaces) != 2 {
			err = errors.New("lockspaces got another reply")
		}
		results <- err
	}()
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

func TestLongReply(t *testing.T) {
	const count = 20000
	c := fakeDaemon(t, func(fc *fakeConn) {
		locks := make([]api.Lock, count)
		for i := range locks {
			locks[i].Name = strings.Repeat("x", 300)
		}
		fc.Reply(fc.Expect(api.LockList), api.LocksResult{Locks: locks})
		fc.Read()
	})
	locks, err := c.Locks(t.Context(), api.LockFilter{})
	if err != nil || len(locks) != count {
		t.Errorf("Locks = %d locks, %v", len(locks), err)
	}
}

func TestCloseEndsCalls(t *testing.T) {
	asked := make(chan struct{})
	c := fakeDaemon(t, func(fc *fakeConn) {
		fc.Register(api.TiedToConnection)
		fc.Grant(fc.Expect(api.LockAcquire))
		fc.Expect(api.LockAcquire)
		close(asked)
		fc.Read()
	})
	held, err := c.Acquire(t.Context(), 0, disk("a"))
	if err != nil {
		t.Fatal(err)
	}
	waiting := make(chan error)
	go func() {
		_, err := c.Acquire(t.Context(), client.Forever, disk("b"))
		waiting <- err
	}()
	<-asked
	_ = c.Close()
	_ = c.Close()
	if err := <-waiting; !errors.Is(err, client.ErrClosed) {
		t.Errorf("waiting call = %v, want ErrClosed", err)
	}
	<-held.Lost()
	if _, err := c.Status(t.Context()); !errors.Is(err, client.ErrClosed) {
		t.Errorf("later call = %v, want ErrClosed", err)
	}
}

func TestRestrictedStaysSo(t *testing.T) {
	c := fakeDaemon(t, func(fc *fakeConn) {
		fc.Register(api.TiedToProcess)
		fc.Reply(fc.Expect(api.OwnerRestrict), api.Empty{})
		if fc.Number > 1 {
			t.Error("the client connected again")
		}
	})
	if err := c.Restrict(t.Context()); err != nil {
		t.Fatal(err)
	}
	for {
		_, err := c.Status(t.Context())
		if errors.Is(err, client.ErrRestricted) {
			break
		}
		if !errors.Is(err, client.ErrBroken) {
			t.Fatalf("Status = %v, want ErrRestricted", err)
		}
	}
}

func TestBusyDaemonIsTriedAgain(t *testing.T) {
	c := fakeDaemon(t, func(fc *fakeConn) {
		fc.Reply(fc.Expect(api.DaemonStatus), api.Status{})
		fc.Read()
	})
	tries := 0
	c.Dial = func(ctx context.Context) (net.Conn, error) {
		if tries++; tries < 3 {
			return nil, &net.OpError{Op: "dial", Err: syscall.EAGAIN}
		}
		var d net.Dialer
		return d.DialContext(ctx, "unix", c.Socket)
	}
	if _, err := c.Status(t.Context()); err != nil || tries != 3 {
		t.Errorf("Status = %v after %d tries", err, tries)
	}
}

func TestDialStopsWithContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	c := client.Client{Dial: func(context.Context) (net.Conn, error) { return nil, syscall.EAGAIN }}
	if _, err := c.Status(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Status = %v, want DeadlineExceeded", err)
	}
}

// TestSilentDaemon has one that takes requests and answers none.
func TestSilentDaemon(t *testing.T) {
	end := make(chan struct{})
	c := fakeDaemon(t, func(*fakeConn) { <-end })
	defer close(end)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Locks(ctx, api.LockFilter{Name: strings.Repeat("x", api.MaxLine/2)}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Locks = %v, want DeadlineExceeded", err)
	}
	// The writer is stuck in the line before; this one never leaves.
	if _, err := c.Status(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Status = %v, want DeadlineExceeded", err)
	}
}
