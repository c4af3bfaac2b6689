package client_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"virtlock/client"
	"virtlock/client/api"
	"virtlock/daemon/daemontest"
)

// newDisk makes an empty image and returns it as an exclusive resource.
func newDisk(t *testing.T, name string) api.Resource {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return api.Resource{Name: path}
}

func shared(r api.Resource) api.Resource {
	r.Mode = api.Shared
	return r
}

// acquire takes locks at once, or fails the test.
func acquire(t *testing.T, c *client.Client, resources ...api.Resource) *client.Held {
	t.Helper()
	held, err := c.Acquire(t.Context(), 0, resources...)
	if err != nil {
		t.Fatalf("Acquire: %v", err)
	}
	return held
}

// mustBeFree fails the test when somebody holds the resource.
func mustBeFree(t *testing.T, c *client.Client, r api.Resource) {
	t.Helper()
	if _, err := c.Inspect(t.Context(), r.Lockspace, r.Name); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("Inspect of what should be free = %v, want ErrNotFound", err)
	}
}

// waitFor waits for a lock as another client, and returns when it waits.
func waitFor(ctx context.Context, t *testing.T, d *daemontest.Daemon, r api.Resource) <-chan error {
	t.Helper()
	events, err := d.Client(t).Subscribe(t.Context(), string(api.EventLockWaiting))
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	done := make(chan error, 1)
	c := d.Client(t)
	go func() {
		held, err := c.Acquire(ctx, client.Forever, r)
		if err == nil {
			err = held.Release(context.Background())
		}
		done <- err
	}()
	if _, err := events.Next(); err != nil {
		t.Fatal(err)
	}
	return done
}

func TestAcquireAndRelease(t *testing.T) {
	d := daemontest.Start(t)
	c, r := d.Client(t), newDisk(t, "web01.raw")
	c.Owner.Name = "web01"
	held := acquire(t, c, r)
	locks := held.Locks()
	if len(locks) != 1 || locks[0].Name != r.Name || locks[0].Mode != api.Exclusive {
		t.Fatalf("Locks = %+v", locks)
	}
	if owner := locks[0].Holders[0].Owner; owner.Name != "web01" || owner.PID != os.Getpid() {
		t.Errorf("held by %+v", owner)
	}
	if err := held.Release(t.Context()); err != nil {
		t.Errorf("Release = %v", err)
	}
	mustBeFree(t, c, r)
	if err := held.Release(t.Context()); err != nil {
		t.Errorf("second Release = %v", err)
	}
	select {
	case <-held.Lost():
		t.Error("what was released counts as lost")
	default:
	}
}

func TestBusySaysWho(t *testing.T) {
	d := daemontest.Start(t)
	first, second, r := d.Client(t), d.Client(t), newDisk(t, "a")
	first.Owner = api.Owner{Name: "web01", UUID: "01234567-89ab-cdef-0123-456789abcdef"}
	acquire(t, first, r)
	_, err := second.Acquire(t.Context(), 0, r)
	var refusal *client.Error
	if !errors.Is(err, client.ErrBusy) || !errors.As(err, &refusal) {
		t.Fatalf("Acquire = %v, want ErrBusy", err)
	}
	if refusal.Op != api.LockAcquire || refusal.Message == "" || refusal.Hint == "" {
		t.Errorf("refusal = %+v", refusal)
	}
	if refusal.Resource == nil || refusal.Resource.Name != r.Name {
		t.Errorf("Resource = %+v, want %q", refusal.Resource, r.Name)
	}
	if len(refusal.Holders) != 1 || refusal.Holders[0].Owner.UUID != first.Owner.UUID {
		t.Errorf("Holders = %+v", refusal.Holders)
	}
	if !errors.Is(err, client.ErrBusy) || errors.Is(err, client.ErrDenied) {
		t.Error("matches another code")
	}
}

func TestSharedLocksWantEachTheirRelease(t *testing.T) {
	c, r := daemontest.Start(t).Client(t), newDisk(t, "a")
	first, second := acquire(t, c, shared(r)), acquire(t, c, shared(r))
	if err := first.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	result, err := c.Inspect(t.Context(), "", r.Name)
	if err != nil || len(result.Lock.Holders) != 1 {
		t.Errorf("Inspect = %+v, %v; want one holder", result.Lock, err)
	}
	if err := second.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustBeFree(t, c, r)
}

func TestAllOrNothing(t *testing.T) {
	d := daemontest.Start(t)
	first, second := d.Client(t), d.Client(t)
	a, b := newDisk(t, "a"), newDisk(t, "b")
	acquire(t, first, b)
	if _, err := second.Acquire(t.Context(), 0, a, b); !errors.Is(err, client.ErrBusy) {
		t.Fatalf("Acquire = %v, want ErrBusy", err)
	}
	mustBeFree(t, second, a)
}

func TestAcquireWaits(t *testing.T) {
	d := daemontest.Start(t)
	c, r := d.Client(t), newDisk(t, "a")
	held := acquire(t, c, r)
	done := waitFor(t.Context(), t, d, r)
	if err := held.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("waiting Acquire = %v", err)
	}
}

func TestWaitEndsBusy(t *testing.T) {
	t.Parallel()
	d := daemontest.Start(t)
	r := newDisk(t, "a")
	acquire(t, d.Client(t), r)
	if _, err := d.Client(t).Acquire(t.Context(), 10*time.Millisecond, r); !errors.Is(err, client.ErrBusy) {
		t.Errorf("Acquire = %v, want ErrBusy", err)
	}
	// So it does when the context has a deadline, and says who.
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := d.Client(t).Acquire(ctx, client.Forever, r); !errors.Is(err, client.ErrBusy) {
		t.Errorf("Acquire with a deadline = %v, want ErrBusy", err)
	}
}

func TestCancelledWaitLeavesNothing(t *testing.T) {
	d := daemontest.Start(t)
	c, r := d.Client(t), newDisk(t, "a")
	held := acquire(t, c, r)
	ctx, cancel := context.WithCancel(t.Context())
	done := waitFor(ctx, t, d, r)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Acquire = %v, want context.Canceled", err)
	}
	if err := held.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The daemon may see the release before the end of the waiting
	// connection, and then grants the lock for a moment.
	if _, err := c.Acquire(t.Context(), 10*time.Second, r); err != nil {
		t.Errorf("Acquire after the cancelled wait: %v", err)
	}
}

// TestCancelledWaitBesideLocks cannot give up its connection, and gives the
// lock back when it is granted.
func TestCancelledWaitBesideLocks(t *testing.T) {
	d := daemontest.Start(t)
	first, second := d.Client(t), d.Client(t)
	a, b := newDisk(t, "a"), newDisk(t, "b")
	held := acquire(t, first, a)
	kept := acquire(t, second, b)
	events, err := first.Subscribe(t.Context(), "lock.*")
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := second.Acquire(ctx, client.Forever, a)
		done <- err
	}()
	next(t, events, api.EventLockWaiting)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Acquire = %v, want context.Canceled", err)
	}
	if err := held.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	next(t, events, api.EventLockReleased)
	next(t, events, api.EventLockAcquired)
	next(t, events, api.EventLockReleased)
	mustBeFree(t, first, a)
	select {
	case <-kept.Lost():
		t.Error("the other lock was lost")
	default:
	}
}

// next reads the next event and checks its type.
func next(t *testing.T, events *client.Subscription, want api.EventType) api.Event {
	t.Helper()
	event, err := events.Next()
	if err != nil || event.Type != want {
		t.Fatalf("event = %q, %v; want %q", event.Type, err, want)
	}
	return event
}

func TestProcessLocksOutliveTheConnection(t *testing.T) {
	d := daemontest.Start(t)
	r := newDisk(t, "a")
	first := d.Client(t)
	first.TiedTo = api.TiedToProcess
	held := acquire(t, first, r)
	_ = first.Close()
	select {
	case <-held.Lost():
		t.Error("lost with the connection")
	default:
	}
	stranger := d.Client(t)
	_, err := stranger.Release(t.Context(), api.ResourceName{Name: r.Name})
	var refusal *client.Error
	if !errors.Is(err, client.ErrDenied) || !errors.As(err, &refusal) || len(refusal.Holders) != 1 {
		t.Errorf("Release by another owner = %v, want ErrDenied with the holder", err)
	}
	second := d.Client(t)
	second.TiedTo = api.TiedToProcess
	left, err := second.Release(t.Context(), api.ResourceName{Name: r.Name})
	if err != nil || len(left) != 1 || len(left[0].Holders) != 0 {
		t.Errorf("Release by the same process = %+v, %v", left, err)
	}
}

func TestLocksFilter(t *testing.T) {
	d := daemontest.Start(t)
	first, second := d.Client(t), d.Client(t)
	first.Owner.Name, second.Owner.Name = "web01", "db01"
	a, b := newDisk(t, "a"), newDisk(t, "b")
	acquire(t, first, a)
	acquire(t, second, shared(b))
	direct := ""
	tests := map[string]struct {
		filter api.LockFilter
		want   int
	}{
		"All":       {api.LockFilter{}, 2},
		"Name":      {api.LockFilter{Name: a.Name}, 1},
		"Pattern":   {api.LockFilter{Name: "*/b"}, 1},
		"Owner":     {api.LockFilter{Owner: "web*"}, 1},
		"Mode":      {api.LockFilter{Mode: api.Shared}, 1},
		"Lockspace": {api.LockFilter{Lockspace: &direct}, 2},
		"None":      {api.LockFilter{Owner: "web*", Mode: api.Shared}, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			locks, err := first.Locks(t.Context(), test.filter)
			if err != nil || len(locks) != test.want {
				t.Errorf("Locks = %d locks, %v; want %d", len(locks), err, test.want)
			}
		})
	}
}

func TestInspectShowsWaiters(t *testing.T) {
	d := daemontest.Start(t)
	c, r := d.Client(t), newDisk(t, "a")
	held := acquire(t, c, r)
	done := waitFor(t.Context(), t, d, shared(r))
	result, err := c.Inspect(t.Context(), "", r.Name)
	if err != nil || len(result.Waiters) != 1 || result.Waiters[0].Mode != api.Shared {
		t.Errorf("Inspect = %+v, %v; want one who waits", result, err)
	}
	_ = held.Release(t.Context())
	<-done
}

func TestAcquireRefuses(t *testing.T) {
	d := daemontest.Start(t)
	r := newDisk(t, "a")
	tests := map[string]struct {
		resources []api.Resource
		want      error
	}{
		"Nothing":          {nil, client.ErrInvalid},
		"NotAbsolute":      {[]api.Resource{{Name: "a"}}, client.ErrInvalid},
		"NotUTF8":          {[]api.Resource{{Name: "/\xff"}}, client.ErrInvalid},
		"Missing":          {[]api.Resource{{Name: r.Name + "x"}}, client.ErrNotFound},
		"UnknownLockspace": {[]api.Resource{{Lockspace: "/nowhere", Name: "a"}}, client.ErrNotFound},
		"UnknownMode":      {[]api.Resource{{Name: r.Name, Mode: "weak"}}, client.ErrInvalid},
		"Twice":            {[]api.Resource{r, r}, client.ErrInvalid},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := d.Client(t)
			if _, err := c.Acquire(t.Context(), 0, test.resources...); !errors.Is(err, test.want) {
				t.Errorf("Acquire = %v, want %v", err, test.want)
			}
			acquire(t, c, newDisk(t, "b")) // the connection goes on
		})
	}
}
