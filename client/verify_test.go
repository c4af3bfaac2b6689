package client_test

import (
	"errors"
	"testing"

	"virtlock/client"
	"virtlock/client/api"
)

// TestProcessLocksAreVerified has a daemon that was started anew and kept one
// lock of two.
func TestProcessLocksAreVerified(t *testing.T) {
	var kept []api.Lock
	end := make(chan struct{})
	c := fakeDaemon(t, func(fc *fakeConn) {
		fc.Register(api.TiedToProcess)
		if fc.Number == 1 {
			kept = fc.Grant(fc.Expect(api.LockAcquire))
			fc.Grant(fc.Expect(api.LockAcquire))
			<-end
			return
		}
		fc.Reply(fc.Expect(api.LockList), api.LocksResult{Locks: kept})
		fc.Reply(fc.Expect(api.LockRelease), api.LocksResult{})
		fc.Read()
	})
	c.TiedTo = api.TiedToProcess
	safe, err := c.Acquire(t.Context(), 0, disk("safe"))
	if err != nil {
		t.Fatal(err)
	}
	lost, err := c.Acquire(t.Context(), 0, disk("lost"))
	if err != nil {
		t.Fatal(err)
	}
	close(end)
	if err := releaseAfterBreak(t, safe); err != nil {
		t.Errorf("Release of what is still there = %v", err)
	}
	<-lost.Lost()
	if err := lost.Release(t.Context()); !errors.Is(err, client.ErrLost) {
		t.Errorf("Release of what is gone = %v, want ErrLost", err)
	}
	select {
	case <-safe.Lost():
		t.Error("what was released counts as lost")
	default:
	}
}

// releaseAfterBreak releases again when the connection broke only meanwhile.
func releaseAfterBreak(t *testing.T, held *client.Held) error {
	err := held.Release(t.Context())
	if errors.Is(err, client.ErrBroken) {
		err = held.Release(t.Context())
	}
	return err
}

// TestReleaseWithoutAnswer has a daemon that carries the release out, and
// breaks off before it says so.
func TestReleaseWithoutAnswer(t *testing.T) {
	c := fakeDaemon(t, func(fc *fakeConn) {
		fc.Register(api.TiedToProcess)
		if fc.Number == 1 {
			fc.Grant(fc.Expect(api.LockAcquire))
			fc.Expect(api.LockRelease)
			return
		}
		fc.Reply(fc.Expect(api.LockList), api.LocksResult{})
		fc.Read()
	})
	c.TiedTo = api.TiedToProcess
	held, err := c.Acquire(t.Context(), 0, disk("a"))
	if err != nil {
		t.Fatal(err)
	}
	if err := held.Release(t.Context()); !errors.Is(err, client.ErrBroken) {
		t.Errorf("Release = %v, want ErrBroken", err)
	}
	if err := held.Release(t.Context()); err != nil {
		t.Errorf("Release again = %v", err)
	}
}
