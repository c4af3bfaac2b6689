package daemon

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"virtlock/client/api"
	"virtlock/daemon/internal/handover"
	"virtlock/daemon/internal/lockspace"
	"virtlock/daemon/internal/peer"
)

// newOrphan makes an orphan that holds a file of its own.
func newOrphan(t *testing.T, d *Daemon, p *process, tie uint64, clients ...uint64) *orphan {
	t.Helper()
	file := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	o := &orphan{
		process: p, clients: clients,
		identity: &lockspace.Identity{PID: p.PID, Tie: tie},
	}
	o.owner, _ = d.processes.tie(p)
	p.users++
	wanted := []lockspace.Request{{Name: lockspace.Name{Name: file}}}
	if _, err := d.table.Acquire(context.Background(), lockspace.Holder{Owner: o.owner, Identity: o.identity}, wanted, lockspace.Options{}); err != nil {
		t.Fatal(err)
	}
	d.orphan(o)
	return o
}

// newDaemonWithOrphans makes as much of a daemon as orphans take.
func newDaemonWithOrphans(t *testing.T, o *immortal) *Daemon {
	t.Helper()
	d, _ := newDaemonOf(t, o)
	d.orphans, d.idle = newOrphans(), newIdle(0)
	return d
}

func TestOrphanIsNotClaimedInTime(t *testing.T) {
	owner := startOwner(t)
	synctest.Test(t, func(t *testing.T) {
		d := newDaemonWithOrphans(t, owner)
		o := newOrphan(t, d, owner.process, 1, 7)
		time.Sleep(api.ClaimTime - 1)
		synctest.Wait()
		if !d.table.Holds(o.owner) {
			t.Error("its locks went before the time was over")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if d.table.Holds(o.owner) || owner.users != fenceUsers || len(d.orphans.byClient) > 0 {
			t.Errorf("holds %v, %d users, %v", d.table.Holds(o.owner), owner.users, d.orphans.byClient)
		}
	})
}

// A client may have had several owners, and one of them locks of several
// connections, when it was claimed before.
func TestClaimOfSeveral(t *testing.T) {
	owner := startOwner(t)
	synctest.Test(t, func(t *testing.T) {
		d := newDaemonWithOrphans(t, owner)
		later := newOrphan(t, d, owner.process, 5, 7, 8)
		first := newOrphan(t, d, owner.process, 3, 7)
		c := &conn{daemon: d, id: 9, peer: peer.Credentials{PID: owner.PID}}
		r, err := d.claim(c, 7)
		if err != nil {
			t.Fatal(err)
		}
		if r.holder.Owner != later.owner || r.holder.Client != 9 || len(c.former) != 1 || c.former[0].holder.Owner != first.owner {
			t.Errorf("registered as %+v, formerly %+v", r, c.former)
		}
		if _, err := d.claim(c, 8); err != errNoOrphan {
			t.Errorf("claimed by its other number too: %v", err)
		}
		time.Sleep(2 * api.ClaimTime)
		synctest.Wait()
		if !d.table.Holds(later.owner) || !d.table.Holds(first.owner) {
			t.Error("what was claimed has gone")
		}
	})
}

// A connection that broke before its claim was worked on keeps nothing.
func TestClaimOfOneThatIsGone(t *testing.T) {
	owner := startOwner(t)
	d := newDaemonWithOrphans(t, owner)
	o := newOrphan(t, d, owner.process, 1, 7)
	c := &conn{daemon: d, id: 9, peer: peer.Credentials{PID: owner.PID}, gone: true}
	if _, err := d.claim(c, 7); err != nil {
		t.Fatal(err)
	}
	if d.table.Holds(o.owner) {
		t.Error("it holds what nobody can release")
	}
}

// What was tied to a connection that could not be taken over is not held for ever.
func TestOrphanOfALostClient(t *testing.T) {
	owner := startOwner(t)
	d := newDaemonWithOrphans(t, owner)
	o := handover.Owner{PID: owner.PID, Start: owner.StartTime, Tie: 5}
	r := &restorer{
		Daemon: d, owners: map[processKey]*process{{o.PID, o.Start}: owner.process},
		ties: make(map[uint64]*lockspace.Owner), holders: make(map[holderKey]*registration), clients: make(map[uint64]*conn),
		state: &handover.State{
			Clients: []handover.Client{{ID: 7, FD: -1, Owners: []handover.Owner{o}}},
			Holds:   []handover.Hold{{ID: 1, Owner: o, Client: 7}},
		},
	}
	r.restoreClients()
	if found := r.findOrphans(); found[5] == nil {
		t.Errorf("%v", found)
	}
}
