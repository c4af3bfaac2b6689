package daemon

import "virtlock/daemon/internal/lockspace"

// renew answers a call of libvirtd for what its guest holds since before this
// daemon was started, and reports whether it did. While no daemon was there RELEASE
// failed, and libvirtd went on: the guest is paused, or the disk detached, and the
// lock still held. Now it is asked for again, and without this the guest would be
// in its own way until it ends. What was taken through this daemon is refused, as
// by libvirt's: one guest must not have an image twice.
func (d *Daemon) renew(o *lockspace.Owner, r lockspace.Request) bool {
	return !d.missing.weak(r.Name) && d.table.Renew(o, r, d.started)
}

// weak reports whether a lock is in the table that the kernel does not hold as it
// should.
func (m *missing) weak(n lockspace.Name) bool {
	for _, h := range m.all() {
		if h.inTable && h.request.Name == n {
			return true
		}
	}
	return false
}
