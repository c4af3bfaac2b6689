package daemon

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"sync"

	"virtlock/client/api"
	"virtlock/daemon/internal/handover"
)

// reexecution is a re-exec that is under way, and who waits for it.
type reexecution struct {
	running sync.WaitGroup // what goes on

	mu      sync.Mutex // guards the fields that follow
	active  bool
	over    bool   // none begins any more
	program *Image // that of the one that goes on
	callers []*reexecCaller
}

// reexecCaller is a call of daemon.reexec: the next program answers it, or this one
// when it stays.
type reexecCaller struct {
	conn    *conn
	request json.RawMessage // its id
}

// begin notes who waits for a program to be executed, and reports whether the caller
// is to do it, and to call running.Done: somebody does it already if not. It fails
// when that is done with another program.
func (r *reexecution) begin(program *Image, caller *reexecCaller) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if caller != nil {
		if r.active && program.path() != r.program.path() {
			return false, &RefusedError{fmt.Errorf("the daemon is about to become %q", r.program.path())}
		}
		r.callers = append(r.callers, caller)
	}
	if r.active || r.over {
		return false, nil
	}
	r.active, r.program = true, program
	r.running.Add(1)
	return true, nil
}

// close lets none begin any more, and waits for the one that goes on.
func (r *reexecution) close() {
	r.mu.Lock()
	r.over = true
	r.mu.Unlock()
	r.running.Wait()
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
	if err := c.beginReexec(r); err != nil {
		return c.reply(r.ID, nil, err)
	}
	return nil
}

func (c *conn) beginReexec(r *request) error {
	var params api.ReexecParams
	if err := decode(r.Params, &params); err != nil {
		return err
	}
	if params.Program != "" && !filepath.IsAbs(params.Program) {
		return invalid("program %q is not an absolute path", params.Program)
	}
	d := c.daemon
	if d.isEnding() {
		return &RefusedError{errLeaving}
	}
	program := d.config.Image.as(params.Program)
	// Here, inside the gate: what was asked for is known before the state is made.
	first, err := d.reexecution.begin(program, &reexecCaller{c, r.ID})
	if first {
		go d.reexec(program)
	}
	return err
}
