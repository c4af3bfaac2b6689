package daemon

import (
	"encoding/json"
	"sync"

	"virtlock/client/api"
	"virtlock/daemon/internal/handover"
)

// reexecution is a re-exec that is under way, and who waits for it.
type reexecution struct {
	running sync.WaitGroup // goroutines of daemon.reexec

	mu      sync.Mutex // guards the fields that follow
	active  bool
	callers []*reexecCaller
}

// reexecCaller is a call of daemon.reexec: the next program answers it, or this one
// when it stays.
type reexecCaller struct {
	conn    *conn
	request json.RawMessage // its id
}

// begin notes who waits, and reports whether the caller is to do it: somebody does
// it already if not.
func (r *reexecution) begin(caller *reexecCaller) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if caller != nil {
		r.callers = append(r.callers, caller)
	}
	if r.active {
		return false
	}
	r.active = true
	return true
}

// end says that it was refused, and gives those who wait.
func (r *reexecution) end() []*reexecCaller {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.active = false
	callers := r.callers
	r.callers = nil
	return callers
}

// take gives those who wait, to be answered before it is done.
func (r *reexecution) take() []*reexecCaller {
	r.mu.Lock()
	defer r.mu.Unlock()
	callers := r.callers
	r.callers = nil
	return callers
}

// answer answers one who waits, unless it has gone.
func (c *reexecCaller) answer(result any, err error) {
	c.conn.daemon.gate.enter()
	defer c.conn.daemon.gate.leave()
	c.conn.reply(c.request, result, err)
}

func (r *reexecution) exportCallers() []handover.Caller {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []handover.Caller
	for _, c := range r.callers {
		list = append(list, handover.Caller{Client: c.conn.id, Request: c.request})
	}
	return list
}

// daemonReexec answers daemon.reexec, if it is refused.
func (c *conn) daemonReexec(r *request) error {
	if err := decode(r.Params, &api.Empty{}); err != nil {
		return c.reply(r.ID, nil, err)
	}
	d := c.daemon
	if d.isLeaving() {
		return c.reply(r.ID, nil, &RefusedError{errLeaving})
	}
	caller := &reexecCaller{c, r.ID}
	d.reexecution.running.Go(func() { d.reexec(caller) })
	return nil
}
