package daemon

import (
	"context"
	"sync"
)

// gate is what all work of the daemon passes: who works is inside, who only waits
// (for a client to read, for a lock, for a connection) is not. Shut and empty, it
// makes the daemon hold still: its state is whole then, and can be handed over.
type gate struct {
	mu     sync.Mutex // guards the fields that follow
	inside int
	opened chan struct{} // closed when the gate opens again; nil while it is open
	empty  chan struct{} // closed when the last one leaves; nil when nobody waits for that
}

// enter goes in, once the gate is open. leave has to follow.
func (g *gate) enter() {
	for {
		g.mu.Lock()
		opened := g.opened
		if opened == nil {
			g.inside++
			g.mu.Unlock()
			return
		}
		g.mu.Unlock()
		<-opened
	}
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.inside == 0 && g.empty != nil {
		close(g.empty)
		g.empty = nil
	}
}

// bring starts a goroutine inside. The caller is inside too, so this does not wait.
func (g *gate) bring(wg *sync.WaitGroup, f func()) {
	g.mu.Lock()
	g.inside++
	g.mu.Unlock()
	wg.Go(func() {
		defer g.leave()
		f()
	})
}

// park waits outside, and comes back in. The caller is inside.
func (g *gate) park(wait func()) {
	g.leave()
	defer g.enter()
	wait()
}

// shut lets nobody in any more and waits until everybody is out. When ctx ends
// first it opens the gate again and fails with ctx's cause. One at a time may
// call it.
func (g *gate) shut(ctx context.Context) error {
	g.mu.Lock()
	g.opened = make(chan struct{})
	if g.inside == 0 {
		g.mu.Unlock()
		return nil
	}
	empty := make(chan struct{})
	g.empty = empty
	g.mu.Unlock()
	select {
	case <-empty:
		return nil
	case <-ctx.Done():
		g.open()
		return context.Cause(ctx)
	}
}

// open lets everybody in again.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.empty = nil
	close(g.opened)
	g.opened = nil
}

// isShut reports whether nobody gets in.
func (g *gate) isShut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.opened != nil
}
