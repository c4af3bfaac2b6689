package client_test

import (
	"errors"
	"os"
	"os/exec"
	"testing"

	"virtlock/client"
	"virtlock/client/api"
	"virtlock/daemon/daemontest"
)

func TestRegisterFillsIn(t *testing.T) {
	c := daemontest.Start(t).Client(t)
	registered, err := c.Register(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	owner := registered.Owner
	if owner.Name == "" || owner.PID != os.Getpid() || owner.TiedTo != api.TiedToConnection || registered.Client == 0 {
		t.Errorf("Register = %+v", registered)
	}
}

func TestRegisterRefuses(t *testing.T) {
	d := daemontest.Start(t)
	tests := map[string]struct {
		owner api.Owner
		want  error
	}{
		"NoSuchProcess": {api.Owner{PID: 1 << 30}, client.ErrNotFound},
		"BadUUID":       {api.Owner{UUID: "web01"}, client.ErrInvalid},
		"BadName":       {api.Owner{Name: "a\nb"}, client.ErrInvalid},
		"NotUTF8":       {api.Owner{Name: "\xff"}, client.ErrInvalid},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := d.Client(t)
			c.Owner = test.owner
			if _, err := c.Register(t.Context()); !errors.Is(err, test.want) {
				t.Errorf("Register = %v, want %v", err, test.want)
			}
		})
	}
}

func TestOwnerProcessExits(t *testing.T) {
	d := daemontest.Start(t)
	guest := exec.Command("sleep", "1000")
	if err := guest.Start(); err != nil {
		t.Fatal(err)
	}
	c, r := d.Client(t), newDisk(t, "a")
	c.Owner, c.TiedTo = api.Owner{Name: "web01", PID: guest.Process.Pid}, api.TiedToProcess
	held := acquire(t, c, r)
	events, err := c.Subscribe(t.Context(), string(api.EventLockReleased))
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	_ = guest.Process.Kill()
	_ = guest.Wait()
	if event := next(t, events, api.EventLockReleased); event.Reason != api.ReasonOwnerExited {
		t.Errorf("released because %q, want %q", event.Reason, api.ReasonOwnerExited)
	}
	if err := held.Release(t.Context()); !errors.Is(err, client.ErrLost) {
		t.Errorf("Release = %v, want ErrLost", err)
	}
	<-held.Lost()
}

func TestRestrict(t *testing.T) {
	d := daemontest.Start(t)
	c, r := d.Client(t), newDisk(t, "a")
	acquire(t, c, r)
	if err := c.Restrict(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Status(t.Context()); !errors.Is(err, client.ErrRestricted) {
		t.Errorf("Status = %v, want ErrRestricted", err)
	}
	if _, err := d.Client(t).Acquire(t.Context(), 0, r); !errors.Is(err, client.ErrBusy) {
		t.Errorf("Acquire of what it holds = %v, want ErrBusy", err)
	}
}
