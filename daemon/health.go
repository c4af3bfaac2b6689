package daemon

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Healthy returns nil if the daemon serves: its table can be had, and those who
// connect are looked after. It asks neither storage nor a client, so that one
// that hangs does not count. It fails when ctx ends before both were seen; what
// it waits for then stays waited for until it comes. One call at a time.
func (d *Daemon) Healthy(ctx context.Context) error {
	if err := d.poller.comesRound(ctx); err != nil {
		return fmt.Errorf("nobody serves the clients: %w", err)
	}
	had := make(chan struct{})
	go func() {
		defer close(had)
		d.table.Totals()
	}()
	select {
	case <-had:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the lock table is not to be had: %w", ctx.Err())
	}
}

// pulse is an event that asks the leader for a sign of life.
type pulse struct {
	fd   int           // an eventfd(2)
	felt chan struct{} // has room for one; filled by the leader
}

func newPulse() (pulse, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	return pulse{fd, make(chan struct{}, 1)}, os.NewSyscallError("eventfd", err)
}

// comesRound waits until the leader has served what came before this call.
func (p *poller) comesRound(ctx context.Context) error {
	select {
	case <-p.pulse.felt: // the answer to a call that did not wait for it
	default:
	}
	if _, err := unix.Write(p.pulse.fd, []byte{1, 0, 0, 0, 0, 0, 0, 0}); err != nil {
		return os.NewSyscallError("write to eventfd", err)
	}
	select {
	case <-p.pulse.felt:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// feel answers comesRound.
func (p pulse) feel() {
	unix.Read(p.fd, make([]byte, 8)) // so that it can be written to again
	select {
	case p.felt <- struct{}{}:
	default: // the last answer was not waited for
	}
}
