package daemon

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"virtlock/daemon/internal/lockspace"
)

// checkHealth looks for a moment, and wants an error with a text, or none.
func checkHealth(t *testing.T, d *Daemon, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	switch err := d.Healthy(ctx); {
	case want == "" && err != nil:
		t.Errorf("unhealthy: %v", err)
	case want != "" && (!errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), want)):
		t.Errorf("%v instead of %q", err, want)
	}
}

// The table's mutex is never held for long, so if it cannot be had something is
// wrong for good.
func TestATableThatIsNotToBeHadIsUnhealthy(t *testing.T) {
	p, err := newPoller(new(gate))
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	held, goOn, done := make(chan struct{}), make(chan struct{}), make(chan error)
	d := &Daemon{poller: p, table: lockspace.New(func(lockspace.Change) { // under the mutex
		close(held)
		<-goOn
	}, nil)}
	checkHealth(t, d, "")
	go func() { done <- d.table.CreateSpace(t.TempDir(), 0) }()
	<-held
	checkHealth(t, d, "the lock table is not to be had")
	close(goOn)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	checkHealth(t, d, "")
}

func TestClientsThatNobodyServesAreUnhealthy(t *testing.T) {
	p := newQuietPoller(t)
	var err error
	if p.pulse, err = newPulse(); err != nil {
		t.Fatal(err)
	}
	d := &Daemon{poller: p, table: lockspace.New(nil, nil)}
	defer p.pulse.file.Close()
	checkHealth(t, d, "nobody serves the clients")
	// An answer that comes late is none to the next call.
	p.pulse.feel()
	checkHealth(t, d, "nobody serves the clients")
}

// The descriptor that woke the leader may be another file's after the end.
func TestAskedAfterTheEnd(t *testing.T) {
	p, err := newPoller(new(gate))
	if err != nil {
		t.Fatal(err)
	}
	p.close()
	if err := (&Daemon{poller: p}).Healthy(t.Context()); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v", err)
	}
}
