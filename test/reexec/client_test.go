package reexec

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"virtlock/client"
	"virtlock/client/api"
	"virtlock/test/bed"
)

// TestTheClientPackage asks for re-execs, waits for a lock over them and keeps what
// it has, with nothing to connect anew.
func TestTheClientPackage(t *testing.T) {
	t.Parallel()
	r := startQuick(t)
	ctx, cancel := context.WithTimeout(context.Background(), bed.Patience)
	defer cancel()
	dial := func(context.Context) (net.Conn, error) { return r.Dial(bed.Socket) }
	one, two := &client.Client{Dial: dial}, &client.Client{Dial: dial}
	defer one.Close()
	defer two.Close()
	disk := bed.Direct(r.image())
	held, err := one.Acquire(ctx, 0, disk)
	check(t, err)
	waiting := make(chan error, 1)
	go func() {
		_, err := two.Acquire(ctx, time.Hour, disk)
		waiting <- err
	}()
	bed.Eventually(t, "the second waits", func() bool { return r.status().Waiters == 1 })
	for range 5 {
		result, err := one.Reexec(ctx, api.ReexecParams{})
		if err != nil || result.PID != r.daemon.PID() || result.Locks != 1 || result.Clients != 3 {
			t.Errorf("got %+v, %v", result, err)
		}
	}
	select {
	case <-held.Lost():
		t.Error("a lock is said to be lost")
	case err := <-waiting:
		t.Errorf("granted twice: %v", err)
	default:
	}
	check(t, held.Release(ctx))
	check(t, <-waiting)
	r.breakProgram("rm PROGRAM")
	if _, err := two.Reexec(ctx, api.ReexecParams{}); !errors.Is(err, client.ErrRefused) {
		t.Errorf("got %v", err)
	}
}
