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
	// file is an eventfd(2). Not a mere descriptor: a call that comes after the
	// end must not write to what has its number by then.
	file *os.File
	fd   int           // its number, for comparison
	felt chan struct{} // has room for one; filled by the leader
}

// Edge-triggered: each write is an event, and nobody has to read what was written.
const pollPulse = unix.EPOLLIN | unix.EPOLLET

func newPulse() (pulse, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		return pulse{}, os.NewSyscallError("eventfd", err)
	}
	return pulse{os.NewFile(uintptr(fd), "pulse"), fd, make(chan struct{}, 1)}, nil
}

// comesRound waits until the leader has come to the events that there are now.
func (p *poller) comesRound(ctx context.Context) error {
	select {
	case <-p.pulse.felt: // the answer to a call that did not wait for it
	default:
	}
	if _, err := p.pulse.file.Write([]byte{1, 0, 0, 0, 0, 0, 0, 0}); err != nil {
		return err
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
	select {
	case p.felt <- struct{}{}:
	default: // the last answer was not waited for
	}
}
