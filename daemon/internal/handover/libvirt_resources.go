package handover

import (
	"math"
	"slices"
	"time"
)

// space reads a lockspace with its locks.
func (r *libvirtReader) space(space tree) {
	directory := space.text("directory")
	if directory == "" {
		r.fail("a lockspace has no directory")
		return
	}
	if !slices.Contains(r.state.Spaces, directory) {
		r.state.Spaces = append(r.state.Spaces, directory)
	}
	for _, resource := range space.objects("resources") {
		r.resource(directory, resource)
	}
}

// resource reads a lock: one hold for each time that a process is among the
// owners, for a shared lock can be taken repeatedly.
func (r *libvirtReader) resource(space string, resource tree) {
	name, owners := resource.text("name"), resource.pids()
	if name == "" || len(owners) == 0 {
		r.fail("a lock in %q has no name or no owner: its name is %q", space, name)
		return
	}
	flags := max(resource.number("flags", math.MaxUint32), 0)
	totals := &r.state.Totals
	totals.Lock++
	h := Hold{
		Lock: totals.Lock, FD: resource.fd(), Space: space, Name: name,
		Shared: flags&libvirtShared != 0, Autocreate: flags&libvirtAutocreate != 0,
		Since: time.Now().UnixNano(),
	}
	if h.FD < 0 {
		h.Missing = "libvirt's daemon left no descriptor of it"
		r.fail("the lock %q in %q has no descriptor", name, space)
	}
	for _, pid := range owners {
		totals.Hold++
		o := r.ownerOf(pid)
		h.ID, h.Owner, h.Client = totals.Hold, o.owner, o.client
		r.state.Holds = append(r.state.Holds, h)
		h.FD = -1 // one descriptor for all
	}
}

// pids gives the owners of a lock.
func (o tree) pids() []int {
	var pids []int
	for _, v := range o.list("owners") {
		if pid := numberOf(v, math.MaxInt32); pid > 0 {
			pids = append(pids, int(pid))
		}
	}
	return pids
}
