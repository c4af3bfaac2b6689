package bed

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"testing"
	"time"

	"virtlock/client/api"
)

// Conn is a client of the JSON protocol and nothing more: one call at a time,
// lines written and read by hand.
type Conn struct {
	t      testing.TB
	conn   net.Conn
	lines  *bufio.Reader
	number int
}

// Connect connects to the host's virtlockd, which has to be ours.
func (h *Host) Connect() *Conn {
	h.t.Helper()
	conn, err := h.Dial(Socket)
	return newConn(h.t, conn, err)
}

// newConn makes a client of what came of connecting.
func newConn(t testing.TB, conn net.Conn, err error) *Conn {
	t.Helper()
	if err != nil {
		t.Fatalf("connect to virtlockd: %v", err)
	}
	t.Cleanup(func() { conn.Close() })
	return &Conn{t: t, conn: conn, lines: bufio.NewReader(conn)}
}

// Owner connects and registers an owner whose locks go with its process only.
func (h *Host) Owner(name string, pid int) *Conn {
	h.t.Helper()
	c := h.Connect()
	c.register(name, pid)
	return c
}

// register registers an owner whose locks go with its process only.
func (c *Conn) register(name string, pid int) {
	c.t.Helper()
	c.Must(api.OwnerRegister, api.RegisterParams{
		Owner:  api.Owner{Name: name, PID: pid},
		TiedTo: api.TiedToProcess,
	}, nil)
}

// Close closes the connection.
func (c *Conn) Close() { c.conn.Close() }

// Closed is closed when the daemon closes the connection. No calls after that.
func (c *Conn) Closed() <-chan struct{} {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_, _ = c.lines.ReadByte()
	}()
	return closed
}

// Call calls a method and waits for its reply. The error is what the daemon
// answered, or what became of the connection as an error without data.
func (c *Conn) Call(method string, params, result any) *api.Error {
	c.number++
	request := map[string]any{"jsonrpc": "2.0", "id": c.number, "method": method, "params": params}
	var reply struct {
		ID     int             `json:"id"`
		Result json.RawMessage `json:"result"`
		Error  *api.Error      `json:"error"`
	}
	if err := c.exchange(request, &reply); err != nil {
		return &api.Error{Message: err.Error()}
	}
	switch {
	case reply.Error != nil: // without an id when it is about the connection
		return reply.Error
	case reply.ID != c.number:
		return &api.Error{Message: fmt.Sprintf("reply has id %d, want %d", reply.ID, c.number)}
	case result == nil:
		return nil
	}
	if err := json.Unmarshal(reply.Result, result); err != nil {
		return &api.Error{Message: err.Error()}
	}
	return nil
}

// exchange sends one line and reads one.
func (c *Conn) exchange(request, reply any) error {
	line, err := json.Marshal(request)
	if err != nil {
		return err
	}
	if err := c.conn.SetDeadline(time.Now().Add(Patience)); err != nil {
		return err
	}
	if _, err := c.conn.Write(append(line, '\n')); err != nil {
		return err
	}
	line, err = c.lines.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, reply)
}

// Must is Call for what has to succeed.
func (c *Conn) Must(method string, params, result any) {
	c.t.Helper()
	if err := c.Call(method, params, result); err != nil {
		c.t.Fatalf("%s: %s %+v", method, err.Message, err.Data)
	}
}

// Acquire takes a lock, without waiting for it.
func (c *Conn) Acquire(r api.Resource) *api.Error {
	return c.Call(api.LockAcquire, api.AcquireParams{Resources: []api.Resource{r}}, nil)
}

// Release gives a lock back.
func (c *Conn) Release(r api.Resource) *api.Error {
	name := api.ResourceName{Lockspace: r.Lockspace, Name: r.Name}
	return c.Call(api.LockRelease, api.ReleaseParams{Resources: []api.ResourceName{name}}, nil)
}

// MustAcquire is Acquire for what has to succeed.
func (c *Conn) MustAcquire(r api.Resource) {
	c.t.Helper()
	if err := c.Acquire(r); err != nil {
		c.t.Fatalf("acquire %+v: %s %+v", r, err.Message, err.Data)
	}
}

// MustRelease is Release for what has to succeed.
func (c *Conn) MustRelease(r api.Resource) {
	c.t.Helper()
	if err := c.Release(r); err != nil {
		c.t.Fatalf("release %+v: %s %+v", r, err.Message, err.Data)
	}
}

// Locks are all locks that the daemon knows.
func (c *Conn) Locks() []api.Lock {
	c.t.Helper()
	var result api.LocksResult
	c.Must(api.LockList, api.LockFilter{}, &result)
	return result.Locks
}

// Direct is a file as a resource of the direct lockspace.
func Direct(path string) api.Resource { return api.Resource{Name: path} }
