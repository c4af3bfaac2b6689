package client_test

import (
	"testing"

	"virtlock/client/api"
	"virtlock/daemon/daemontest"
)

func TestEvents(t *testing.T) {
	d := daemontest.Start(t)
	c, r := d.Client(t), newDisk(t, "a")
	c.Owner.Name = "web01"
	events, err := d.Client(t).Subscribe(t.Context(), "lock.*")
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	held := acquire(t, c, r)
	if err := held.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	acquired := next(t, events, api.EventLockAcquired)
	if acquired.Name != r.Name || acquired.Owner == nil || acquired.Owner.Name != "web01" || acquired.Seq <= events.Seq {
		t.Errorf("event = %+v", acquired)
	}
	released := next(t, events, api.EventLockReleased)
	if released.Reason != api.ReasonReleased || released.Seq <= acquired.Seq {
		t.Errorf("event = %+v", released)
	}
}
