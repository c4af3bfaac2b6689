package daemon

// Messages are held while the leader serves others that have something to say
// already, and then written together: a client of many connections, as a busy
// libvirtd is one, is woken once and not for each of them.

// maxUnsent is how many connections may have a message held: the first has not
// long to wait for the last.
const maxUnsent = 16

// later holds a message, or reports false where there is nothing to wait for.
func (p *poller) later(c *conn, message []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	alone := len(p.events) == 0 && len(p.unsent) == 0
	if !p.serving || alone || !c.hold(message) {
		return false
	}
	if !c.unsent {
		c.unsent = true
		p.unsent = append(p.unsent, c)
	}
	return true
}

// dueLocked reports whether what is held has to be written now.
func (p *poller) dueLocked() bool {
	n := len(p.unsent)
	return n >= maxUnsent || n > 0 && (len(p.events) == 0 || p.heldUp > 0)
}

// sendHeld writes what is held. It waits while the gate is shut: what is not
// written then is handed over.
func (p *poller) sendHeld() {
	p.gate.enter()
	defer p.gate.leave()
	var room [maxUnsent]*conn
	for _, c := range p.takeUnsent(room[:0]) {
		c.flush(p)
	}
}

// takeUnsent appends the connections that have a message held to into, and takes
// them for the caller.
func (p *poller) takeUnsent(into []*conn) []*conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.unsent {
		c.unsent = false
	}
	into = append(into, p.unsent...)
	clear(p.unsent)
	p.unsent = p.unsent[:0]
	return into
}
