package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"virtlock/client"
	"virtlock/client/api"
)

// Claimed answers the claim of a connection that comes next, and says that the
// locks are held still.
func (c *fakeConn) Claimed(number uint64, locks []api.Lock) {
	call := c.Expect(api.OwnerRegister)
	if got := c.claim(call); got != number {
		c.t.Errorf("connection %d: claims what connection %d held, not %d", c.Number, got, number)
	}
	c.Registered(call, api.TiedToConnection)
	c.Reply(c.Expect(api.LockList), api.LocksResult{Locks: locks})
}

// Released reads a release, and gives the name of what is released.
func (c *fakeConn) Released() string {
	call := c.Expect(api.LockRelease)
	var params api.ReleaseParams
	if err := json.Unmarshal(call.Params, &params); err != nil {
		c.t.Error(err)
	}
	c.Reply(call, api.LocksResult{})
	return params.Resources[0].Name
}

// crash makes a daemon whose first connection grants one lock and breaks, and
// which serves those that follow with a function.
func crash(t *testing.T, after func(*fakeConn, []api.Lock)) *client.Client {
	t.Helper()
	locks := make(chan []api.Lock, 1)
	return fakeDaemon(t, func(fc *fakeConn) {
		if fc.Number == 1 {
			fc.Register(api.TiedToConnection)
			locks <- fc.Grant(fc.Expect(api.LockAcquire))
			fc.Read() // the test breaks it off
			return
		}
		granted := <-locks
		locks <- granted
		after(fc, granted)
	})
}

// links gives each connection that the client makes. One that comes after another
// was closed says that the client has noticed.
func links(c *client.Client) <-chan net.Conn {
	made := make(chan net.Conn, 100)
	c.Dial = func(context.Context) (net.Conn, error) {
		nc, err := net.Dial("unix", c.Socket)
		if err == nil {
			made <- nc
		}
		return nc, err
	}
	return made
}

// breakOff closes a connection and waits for the next.
func breakOff(link net.Conn, made <-chan net.Conn) net.Conn {
	_ = link.Close()
	return <-made
}

func isLost(held *client.Held) bool {
	select {
	case <-held.Lost():
		return true
	default:
		return false
	}
}

func TestClaimedLocksLiveOn(t *testing.T) {
	released := make(chan string, 2)
	c := crash(t, func(fc *fakeConn, locks []api.Lock) {
		fc.Claimed(1, locks)
		fc.Grant(fc.Expect(api.LockAcquire))
		released <- fc.Released()
		released <- fc.Released()
		fc.Read()
	})
	made := links(c)
	held := acquire(t, c, disk("a"))
	breakOff(<-made, made)
	// A call waits for the claim, and goes on the same connection.
	second := acquire(t, c, disk("b"))
	if isLost(held) || isLost(second) {
		t.Fatal("lost though it was claimed")
	}
	for _, h := range []*client.Held{held, second} {
		if err := h.Release(t.Context()); err != nil {
			t.Errorf("Release = %v", err)
		}
	}
	if a, b := <-released, <-released; a != "/a" || b != "/b" {
		t.Errorf("released %q and %q", a, b)
	}
	_ = c.Close()
	if isLost(held) {
		t.Error("what was released counts as lost")
	}
}

func TestClaimRefused(t *testing.T) {
	ended := make(chan struct{})
	c := crash(t, func(fc *fakeConn, _ []api.Lock) {
		defer close(ended)
		fc.Fail(fc.Expect(api.OwnerRegister), api.CodeNotFound)
		if call, ok := fc.Read(); ok {
			t.Errorf("asks %q though nobody needs it", call.Method)
		}
	})
	made := links(c)
	held := acquire(t, c, disk("a"))
	breakOff(<-made, made)
	<-held.Lost()
	<-ended // the connection, which nobody asked for
	if err := held.Release(t.Context()); !errors.Is(err, client.ErrLost) {
		t.Errorf("Release = %v, want ErrLost", err)
	}
}

// TestClaimOfLocksThatAreGone has a daemon that took back one of two.
func TestClaimOfLocksThatAreGone(t *testing.T) {
	kept := make(chan []api.Lock, 1)
	c := fakeDaemon(t, func(fc *fakeConn) {
		if fc.Number > 1 {
			fc.Claimed(1, <-kept)
			fc.Read()
			return
		}
		fc.Register(api.TiedToConnection)
		kept <- fc.Grant(fc.Expect(api.LockAcquire))
		fc.Grant(fc.Expect(api.LockAcquire))
		fc.Read()
	})
	made := links(c)
	held, lost := acquire(t, c, disk("a")), acquire(t, c, disk("b"))
	breakOff(<-made, made)
	<-lost.Lost()
	if _, err := c.Register(t.Context()); err != nil || isLost(held) {
		t.Errorf("Register = %v, lost %v", err, isLost(held))
	}
}

// TestClaimAfterClaim: what a connection claimed goes by the number of the one
// that took it.
func TestClaimAfterClaim(t *testing.T) {
	var claimed []uint64
	done := make(chan struct{})
	c := crash(t, func(fc *fakeConn, locks []api.Lock) {
		if fc.Number == 2 {
			fc.Claimed(1, locks)
			fc.Read()
			return
		}
		for len(claimed) < 2 {
			call := fc.Expect(api.OwnerRegister)
			if claimed = append(claimed, fc.claim(call)); len(claimed) == 1 {
				fc.Fail(call, api.CodeNotFound)
				continue
			}
			fc.Registered(call, api.TiedToConnection)
			fc.Reply(fc.Expect(api.LockList), api.LocksResult{Locks: locks})
		}
		fc.Read()
		close(done)
	})
	made := links(c)
	held := acquire(t, c, disk("a"))
	link := <-made
	for range 2 {
		link = breakOff(link, made)
		if _, err := c.Register(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if isLost(held) {
		t.Error("lost though it was claimed twice")
	}
	_ = c.Close()
	<-held.Lost()
	<-done
	if !slices.Equal(claimed, []uint64{2, 1}) {
		t.Errorf("claimed as %v, want 2 and then 1", claimed)
	}
}

// TestClaimGivesStraysBack: a call that was granted a lock when its connection
// broke has failed, and nobody would release it.
func TestClaimGivesStraysBack(t *testing.T) {
	released := make(chan string, 1)
	c := crash(t, func(fc *fakeConn, locks []api.Lock) {
		stray := locks[0]
		stray.Name = "/stray"
		stray.Holders = slices.Clone(stray.Holders)
		stray.Holders[0].Owner.TiedTo = api.TiedToConnection
		others := stray
		others.Name, others.Holders = "/others", []api.Holder{stray.Holders[0]}
		others.Holders[0].Client = 99
		fc.Claimed(1, append(slices.Clone(locks), stray, others))
		released <- fc.Released()
		fc.Reply(fc.Expect(api.DaemonStatus), api.Status{})
		fc.Read()
	})
	made := links(c)
	held := acquire(t, c, disk("a"))
	breakOff(<-made, made)
	if _, err := c.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Status(t.Context()); err != nil || isLost(held) {
		t.Errorf("Status = %v, lost %v", err, isLost(held))
	}
	if name := <-released; name != "/stray" {
		t.Errorf("released %q", name)
	}
}

// TestReleaseWhileItBreaks: who asked for a release need not ask again.
func TestReleaseWhileItBreaks(t *testing.T) {
	locks, released := make(chan []api.Lock, 1), make(chan string, 1)
	c := fakeDaemon(t, func(fc *fakeConn) {
		if fc.Number > 1 {
			fc.Claimed(1, <-locks)
			released <- fc.Released()
			fc.Read()
			return
		}
		fc.Register(api.TiedToConnection)
		locks <- fc.Grant(fc.Expect(api.LockAcquire))
		fc.Expect(api.LockRelease)
	})
	held := acquire(t, c, disk("a"))
	if err := held.Release(t.Context()); !errors.Is(err, client.ErrBroken) {
		t.Errorf("Release = %v, want ErrBroken", err)
	}
	if name := <-released; name != "/a" {
		t.Errorf("released %q", name)
	}
	if err := held.Release(t.Context()); err != nil || isLost(held) {
		t.Errorf("Release of what was released = %v, lost %v", err, isLost(held))
	}
}

func TestCloseEndsAClaim(t *testing.T) {
	asked := make(chan struct{})
	c := crash(t, func(fc *fakeConn, _ []api.Lock) {
		fc.Expect(api.OwnerRegister)
		close(asked)
		fc.Read()
	})
	made := links(c)
	held := acquire(t, c, disk("a"))
	breakOff(<-made, made)
	<-asked
	if isLost(held) {
		t.Error("lost before it is known")
	}
	_ = c.Close()
	if !isLost(held) {
		t.Error("not lost after Close")
	}
	if err := held.Release(t.Context()); !errors.Is(err, client.ErrLost) {
		t.Errorf("Release = %v, want ErrLost", err)
	}
}

func TestRestrictedClaimsNothing(t *testing.T) {
	c := fakeDaemon(t, func(fc *fakeConn) {
		fc.Register(api.TiedToConnection)
		fc.Grant(fc.Expect(api.LockAcquire))
		fc.Reply(fc.Expect(api.OwnerRestrict), api.Empty{})
		fc.Read()
	})
	made := links(c)
	held := acquire(t, c, disk("a"))
	if err := c.Restrict(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = (<-made).Close()
	select {
	case <-held.Lost(): // and not only when a claim would be given up
	case <-time.After(10 * time.Second):
		t.Error("not lost")
	}
}

// piped makes a client, for a bubble of time, of a daemon that grants one lock, and
// after end was called is away, or full.
func piped(t *testing.T, full bool) (c *client.Client, end func()) {
	t.Helper()
	number := 0
	stop := make(chan struct{})
	c = &client.Client{Dial: func(context.Context) (net.Conn, error) {
		number++
		if number > 1 && !full {
			return nil, syscall.ECONNREFUSED
		}
		ours, theirs := net.Pipe()
		fc := newFakeConn(t, theirs, number)
		go func() {
			defer theirs.Close()
			if fc.Number > 1 {
				call, _ := fc.Read()
				fc.Fail(call, api.CodeLimit)
				return
			}
			fc.Register(api.TiedToConnection)
			fc.Grant(fc.Expect(api.LockAcquire))
			<-stop
		}()
		return ours, nil
	}}
	t.Cleanup(func() { _ = c.Close() })
	return c, func() { close(stop) }
}

// TestDaemonStaysAway: locks count as lost when nobody answers for too long, and
// earlier when somebody does, but has no room.
func TestDaemonStaysAway(t *testing.T) {
	for name, test := range map[string]struct {
		full        bool
		least, most time.Duration
	}{
		"Away": {false, 2 * time.Minute, 2 * time.Minute},
		"Full": {true, 20 * time.Second, api.ClaimTime - time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, end := piped(t, test.full)
				held := acquire(t, c, disk("a"))
				start := time.Now()
				end()
				synctest.Wait()
				// Calls do not wait for it.
				if _, err := c.Register(t.Context()); err == nil {
					t.Error("registered with nobody")
				}
				<-held.Lost()
				if took := time.Since(start); took < test.least || took > test.most {
					t.Errorf("lost after %v", took)
				}
			})
		})
	}
}
