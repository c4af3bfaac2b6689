package client_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

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

func TestFence(t *testing.T) {
	d := daemontest.Start(t)
	guest := exec.Command("sleep", "1000")
	if err := guest.Start(); err != nil {
		t.Fatal(err)
	}
	defer guest.Wait()
	c, r := d.Client(t), newDisk(t, "a")
	c.Owner, c.TiedTo = api.Owner{Name: "web01", PID: guest.Process.Pid}, api.TiedToProcess
	acquire(t, c, r)
	events, err := c.Subscribe(t.Context(), "owner.fenced")
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	if _, err := c.Fence(t.Context(), os.Getpid(), 0, "split brain"); !errors.Is(err, client.ErrInvalid) {
		t.Errorf("Fence of the caller = %v, want ErrInvalid", err)
	}
	result, err := c.Fence(t.Context(), guest.Process.Pid, time.Nanosecond, "split brain")
	if err != nil || result.Owner.Name != "web01" || len(result.Locks) != 1 || result.Locks[0].Name != r.Name {
		t.Errorf("Fence = %+v, %v", result, err)
	}
	if event := next(t, events, api.EventOwnerFenced); event.Message != "split brain" || event.Owner.Name != "web01" {
		t.Errorf("event = %+v", event)
	}
	mustBeFree(t, c, r)
}

// TestFenceGrace sees what is asked for on the wire.
func TestFenceGrace(t *testing.T) {
	want := map[time.Duration]int64{0: 0, -time.Hour: -1, -1: -1, 1: 1, time.Second: 1000, 1500 * time.Microsecond: 2, 1<<63 - 1: 9223372036855}
	c := fakeDaemon(t, func(fc *fakeConn) {
		for {
			call, ok := fc.Read()
			if !ok {
				return
			}
			var params api.FenceParams
			if err := json.Unmarshal(call.Params, &params); err != nil {
				t.Error(err)
			}
			fc.Reply(call, api.FenceResult{Owner: api.Owner{PID: int(params.GraceMS)}})
		}
	})
	for grace, want := range want {
		if result, err := c.Fence(t.Context(), 1, grace, "x"); err != nil || int64(result.Owner.PID) != want {
			t.Errorf("%v is %d, %v; want %d", grace, result.Owner.PID, err, want)
		}
	}
}

func TestReexec(t *testing.T) {
	c := fakeDaemon(t, func(fc *fakeConn) {
		fc.Reply(fc.Expect(api.DaemonReexec), api.ReexecResult{Version: "2", PID: 7})
		fc.Fail(fc.Expect(api.DaemonReexec), api.CodeRefused)
		fc.Read()
	})
	if result, err := c.Reexec(t.Context(), api.ReexecParams{}); err != nil || result.Version != "2" || result.PID != 7 {
		t.Errorf("Reexec = %+v, %v", result, err)
	}
	if _, err := c.Reexec(t.Context(), api.ReexecParams{}); !errors.Is(err, client.ErrRefused) {
		t.Errorf("Reexec = %v, want ErrRefused", err)
	}
}
