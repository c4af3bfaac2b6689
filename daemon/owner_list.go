package daemon

import (
	"cmp"
	"slices"
	"time"

	"virtlock/client/api"
	"virtlock/daemon/internal/lockspace"
	"virtlock/daemon/internal/owner"
)

// ownerList answers owner.list.
func (d *Daemon) ownerList(*conn, api.Empty) (api.OwnersResult, error) {
	l := make(ownerLister)
	for _, lock := range d.table.Locks() {
		counted := make(map[processKey]bool, 1) // who holds it twice
		for _, h := range lock.Holders {
			info := l.of(h.Identity)
			if h.Since.After(info.since) {
				info.Owner, info.since = apiOwner(h.Identity), h.Since
			}
			if key := keyOf(h.Identity); !counted[key] {
				counted[key] = true
				info.Locks++
			}
		}
	}
	for _, c := range d.clients.list() { // the latest last
		c.listOwners(l)
	}
	for _, f := range d.fences.targets() {
		if info := l[processKey{f.PID, f.StartTime}]; info != nil {
			info.Fencing = true
		}
	}
	return api.OwnersResult{Owners: l.list()}, nil
}

// ownerLister collects what there is to say of each owner.
type ownerLister map[processKey]*listedOwner

type listedOwner struct {
	api.OwnerInfo
	since time.Time // of its latest hold
}

func keyOf(i *lockspace.Identity) processKey { return processKey{i.PID, i.Start} }

// of gives an owner, who goes by that name unless there is a later one.
func (l ownerLister) of(i *lockspace.Identity) *listedOwner {
	info := l[keyOf(i)]
	if info == nil {
		info = &listedOwner{OwnerInfo: api.OwnerInfo{
			Owner: apiOwner(i), Started: owner.Started(i.Start), Clients: []uint64{},
		}}
		l[keyOf(i)] = info
	}
	return info
}

// listOwners adds for whom the connection asks, and who of its owners waits.
func (c *conn) listOwners(l ownerLister) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r := c.registration; r != nil {
		info := l.of(r.holder.Identity)
		info.Owner, info.Clients = apiOwner(r.holder.Identity), append(info.Clients, c.id)
	}
	for w := range c.waits {
		l.of(w.registration.holder.Identity).Waiting++
	}
}

func (l ownerLister) list() []api.OwnerInfo {
	owners := make([]api.OwnerInfo, 0, len(l))
	for _, info := range l {
		owners = append(owners, info.OwnerInfo)
	}
	slices.SortFunc(owners, func(a, b api.OwnerInfo) int {
		return cmp.Or(cmp.Compare(a.Owner.PID, b.Owner.PID), a.Started.Compare(b.Started))
	})
	return owners
}
