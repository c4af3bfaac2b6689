package client_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"virtlock/client"
	"virtlock/client/api"
	"virtlock/daemon"
	"virtlock/daemon/daemontest"
)

// startAudited starts a daemon that keeps a history and has a configuration.
func startAudited(t *testing.T, read func() (daemon.Settings, error)) *daemontest.Daemon {
	t.Helper()
	return daemontest.StartWith(t, func(c *daemon.Config) {
		c.Settings.AuditFile, c.ReadSettings = filepath.Join(t.TempDir(), "audit"), read
	})
}

// holdFor takes a lock for a process that does nothing.
func holdFor(t *testing.T, d *daemontest.Daemon, r api.Resource) (c *client.Client, pid int) {
	t.Helper()
	guest := exec.Command("sleep", "1000")
	if err := guest.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = guest.Process.Kill(); _ = guest.Wait() })
	c = d.Client(t)
	c.Owner, c.TiedTo = api.Owner{Name: "web01", PID: guest.Process.Pid}, api.TiedToProcess
	acquire(t, c, r)
	return c, guest.Process.Pid
}

func TestForceRelease(t *testing.T) {
	d := startAudited(t, nil)
	r := newDisk(t, "a")
	owner, pid := holdFor(t, d, r)
	c := d.Client(t)
	params := api.ForceReleaseParams{OwnerPID: pid, Reason: "split brain"}
	result, err := c.ForceRelease(t.Context(), params)
	if err != nil || len(result.Released) != 0 || len(result.Refused) != 1 {
		t.Fatalf("ForceRelease = %+v, %v", result, err)
	}
	params.LeaveRunning = true
	result, err = c.ForceRelease(t.Context(), params)
	if err != nil || len(result.Released) != 1 || result.Released[0].Lock.Name != r.Name || !result.Released[0].Alive {
		t.Fatalf("ForceRelease = %+v, %v", result, err)
	}
	_, err = owner.Release(t.Context(), api.ResourceName{Name: r.Name})
	var refusal *client.Error
	if !errors.Is(err, client.ErrForced) || !errors.As(err, &refusal) || refusal.Resource.Name != r.Name {
		t.Errorf("Release = %v", err)
	}
	if _, err := c.ForceRelease(t.Context(), params); err != nil {
		t.Errorf("nothing left to release: %v", err)
	}
	if _, err := c.ForceRelease(t.Context(), api.ForceReleaseParams{Reason: "x"}); !errors.Is(err, client.ErrInvalid) {
		t.Errorf("ForceRelease of nothing = %v", err)
	}
}

// Who has lost one lock by force hears of it, and keeps none of the others.
func TestHeldIsForced(t *testing.T) {
	d := daemontest.Start(t)
	owner, c := d.Client(t), d.Client(t)
	a, b := newDisk(t, "a"), newDisk(t, "b")
	held := acquire(t, owner, a, b)
	params := api.ForceReleaseParams{Resources: []api.ResourceName{{Name: b.Name}}, LeaveRunning: true, Reason: "x"}
	if _, err := c.ForceRelease(t.Context(), params); err != nil {
		t.Fatal(err)
	}
	if err := held.Release(t.Context()); !errors.Is(err, client.ErrLost) || !errors.Is(err, client.ErrForced) {
		t.Errorf("Release = %v", err)
	}
	<-held.Lost()
	mustBeFree(t, c, a)
	mustBeFree(t, c, b)
}

func TestAuditTells(t *testing.T) {
	d := startAudited(t, nil)
	r := newDisk(t, "a")
	_, pid := holdFor(t, d, r)
	c := d.Client(t)
	if _, err := c.ForceRelease(t.Context(), api.ForceReleaseParams{OwnerPID: pid, LeaveRunning: true, Reason: "split brain"}); err != nil {
		t.Fatal(err)
	}
	result, err := c.Audit(t.Context(), api.AuditFilter{Types: []string{"lock.*"}, Owner: "web01"})
	if err != nil || result.More || len(result.Records) != 3 {
		t.Fatalf("Audit = %+v, %v", result, err)
	}
	last := result.Records[2]
	if last.Type != api.EventLockForced || last.Message != "split brain" || last.By == nil || last.By.PID != os.Getpid() || last.Name != r.Name {
		t.Errorf("%+v", last)
	}
	if _, err := daemontest.Start(t).Client(t).Audit(t.Context(), api.AuditFilter{}); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("Audit without a history = %v", err)
	}
}

func TestCloseClient(t *testing.T) {
	d := daemontest.Start(t)
	other, c := d.Client(t), d.Client(t)
	held := acquire(t, other, newDisk(t, "a"))
	theirs, err := other.Register(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.CloseClient(t.Context(), theirs.Client, "in the way"); err != nil {
		t.Fatal(err)
	}
	<-held.Lost()
	if err := c.CloseClient(t.Context(), 999, "x"); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("CloseClient of none = %v", err)
	}
}

func TestSettingsAtRunTime(t *testing.T) {
	failure := errors.New("expecting a name")
	fail := make(chan error, 1)
	d := startAudited(t, func() (daemon.Settings, error) { return daemon.DefaultSettings(), <-fail })
	c := d.Client(t)
	most := 7
	limits, err := c.Limits(t.Context(), api.LimitsParams{MaxClients: &most})
	if want := (api.Limits{MaxClients: 7, AdminMaxClients: 5000}); limits != want || err != nil {
		t.Errorf("Limits = %+v, %v", limits, err)
	}
	filters := "bogus"
	if _, err := c.Log(t.Context(), api.LogParams{Filters: &filters}); !errors.Is(err, client.ErrInvalid) {
		t.Errorf("Log = %v", err)
	}
	if _, err := c.Log(t.Context(), api.LogParams{}); err != nil {
		t.Errorf("Log = %v", err)
	}
	fail <- failure
	if err := c.Reload(t.Context()); !errors.Is(err, client.ErrRefused) || !strings.Contains(err.Error(), failure.Error()) {
		t.Errorf("Reload = %v", err)
	}
	fail <- nil
	if err := c.Reload(t.Context()); err != nil {
		t.Errorf("Reload = %v", err)
	}
	if limits, err := c.Limits(t.Context(), api.LimitsParams{}); err != nil || limits.MaxClients != 1024 {
		t.Errorf("Limits = %+v, %v", limits, err)
	}
}

func TestOwners(t *testing.T) {
	d := daemontest.Start(t)
	_, pid := holdFor(t, d, newDisk(t, "a"))
	owners, err := d.Client(t).Owners(t.Context())
	if err != nil || len(owners) != 1 {
		t.Fatalf("Owners = %+v, %v", owners, err)
	}
	if o := owners[0]; o.Owner.PID != pid || o.Owner.Name != "web01" || o.Locks != 1 || len(o.Clients) != 1 || o.Started.IsZero() {
		t.Errorf("Owners = %+v", o)
	}
}

// The example of the man page works.
func TestManForce(t *testing.T) {
	d := startAudited(t, nil)
	r := newDisk(t, "a")
	_, pid := holdFor(t, d, r)
	c := d.Client(t)
	params := api.ForceReleaseParams{OwnerPID: pid, LeaveRunning: true, Reason: "split brain"}
	if _, err := c.ForceRelease(context.Background(), params); err != nil {
		t.Fatal(err)
	}
	script := strings.ReplaceAll(example(t, d, "/srv", "lock.force_release"), "4242", strconv.Itoa(pid))
	got := strings.Split(strings.TrimSpace(runExample(t, script)), "\t")
	if len(got) != 5 || got[1] != "lock.forced" || got[2] != r.Name || got[3] != "split brain" {
		t.Errorf("it prints %q", got)
	}
}
