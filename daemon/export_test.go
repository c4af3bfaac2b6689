package daemon

// Orphan takes an owner away from its connection, as if that had been to a
// daemon that crashed, and this one had taken its locks back.
func (d *Daemon) Orphan(client uint64) {
	c := d.clients.get(client)
	c.mu.Lock()
	r := c.registration
	c.registration = nil
	c.mu.Unlock()
	d.orphan(&orphan{
		process: r.process, owner: r.holder.Owner, identity: r.holder.Identity,
		clients: []uint64{client},
	})
}
