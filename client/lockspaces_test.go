package client_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"virtlock/client"
	"virtlock/client/api"
	"virtlock/daemon/daemontest"
)

func TestLockspacesAndResources(t *testing.T) {
	d := daemontest.Start(t)
	c, other, ctx := d.Client(t), d.Client(t), t.Context()
	space := filepath.Join(t.TempDir(), "leases")
	for range 2 { // a known one is no error
		if err := c.CreateLockspace(ctx, space); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.CreateResource(ctx, space, "a"); err != nil {
		t.Fatal(err)
	}
	held := acquire(t, c, api.Resource{Lockspace: space, Name: "a"})
	spaces, err := c.Lockspaces(ctx)
	if err != nil || len(spaces) != 2 || spaces[0].Path != "" || spaces[1] != (api.Lockspace{Path: space, Locks: 1}) {
		t.Errorf("Lockspaces = %+v, %v", spaces, err)
	}
	if err := other.DeleteResource(ctx, space, "a"); !errors.Is(err, client.ErrBusy) {
		t.Errorf("DeleteResource of a held one = %v, want ErrBusy", err)
	}
	if err := held.Release(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteResource(ctx, space, "a"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(space, "a")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file is there still: %v", err)
	}
	if err := c.DeleteResource(ctx, space, "a"); err != nil {
		t.Errorf("DeleteResource of a missing one = %v", err)
	}
	if err := c.CreateLockspace(ctx, "leases"); !errors.Is(err, client.ErrInvalid) {
		t.Errorf("CreateLockspace of a relative path = %v, want ErrInvalid", err)
	}
}
