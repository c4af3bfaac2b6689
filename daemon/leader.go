package daemon

import "runtime"

// leader is the goroutine that waits for connections with something to say.
type leader struct {
	term   int // a later leader has a higher one
	pinned bool
}

// pin keeps the leader on its thread while several clients are to be served, and
// the thread from other goroutines: a fifth more calls. While there is one client it
// is the other way round: the two take turns, best on one CPU, and the kernel moves a
// thread apart that is the only one to be woken.
func (l *leader) pin(busy bool) {
	switch {
	case busy == l.pinned:
		return
	case busy:
		runtime.LockOSThread()
	default:
		runtime.UnlockOSThread()
	}
	l.pinned = busy
}
