package daemon

import (
	"fmt"

	"virtlock/client/api"
	"virtlock/daemon/internal/lockspace"
	"virtlock/daemon/internal/owner"
)

// What the table knows, in the words of the JSON protocol.

func apiMode(m lockspace.Mode) api.Mode {
	if m == lockspace.Shared {
		return api.Shared
	}
	return api.Exclusive
}

func apiOwner(i *lockspace.Identity) api.Owner {
	o := api.Owner{Name: i.Name, UUID: i.UUID, ID: i.ID, PID: i.PID, TiedTo: api.TiedToProcess}
	if i.Connection() {
		o.TiedTo = api.TiedToConnection
	}
	return o
}

func apiHolder(h lockspace.Hold) api.Holder {
	return api.Holder{Owner: apiOwner(h.Identity), Client: h.Client, Since: h.Since}
}

func apiLock(l lockspace.Lock) api.Lock {
	major, minor := l.File.DeviceNumbers()
	lock := api.Lock{
		Lockspace: l.Space, Name: l.Name.Name, Path: l.Path(), Mode: apiMode(l.Mode),
		Autocreate: l.Autocreate, Device: fmt.Sprintf("%d:%d", major, minor), Inode: l.Inode,
		Holders: make([]api.Holder, len(l.Holders)), MoreHolders: l.More,
	}
	for i, h := range l.Holders {
		lock.Holders[i] = apiHolder(h)
	}
	return lock
}

func apiLocks(locks []lockspace.Lock) []api.Lock {
	list := make([]api.Lock, len(locks))
	for i, l := range locks {
		list[i] = apiLock(l)
	}
	return list
}

// apiHolders are those in the way of a lock, each with the name through which
// it holds the file.
func apiHolders(e *lockspace.BusyError) []api.Holder {
	if e.Foreign != nil {
		o := api.Owner{PID: e.Foreign.PID}
		if o.PID != 0 {
			o.Name = owner.Command(o.PID)
		}
		return []api.Holder{{Owner: o, Foreign: true}}
	}
	return apiHoldersOf(e.Held)
}

func apiHoldersOf(locks []lockspace.Lock) []api.Holder {
	var holders []api.Holder
	for _, l := range locks {
		for _, h := range l.Holders {
			holder := apiHolder(h)
			holder.Lockspace, holder.Name, holder.Mode = &l.Space, l.Name.Name, apiMode(l.Mode)
			holders = append(holders, holder)
		}
	}
	return holders
}
