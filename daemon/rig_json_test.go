package daemon_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"virtlock/client/api"
)

// jsonConn is a connection that speaks JSON.
type jsonConn struct {
	net.Conn
	t     testing.TB
	lines *bufio.Reader
}

func dialJSON(t testing.TB, socket string) *jsonConn {
	t.Helper()
	return newJSONConn(t, dial(t, socket))
}

func newJSONConn(t testing.TB, c net.Conn) *jsonConn {
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return &jsonConn{Conn: c, t: t, lines: bufio.NewReader(c)}
}

// send sends a line.
func (c *jsonConn) send(format string, args ...any) {
	c.t.Helper()
	if _, err := fmt.Fprintf(c.Conn, format+"\n", args...); err != nil {
		c.t.Fatal(err)
	}
}

// line reads a line.
func (c *jsonConn) line() string {
	c.t.Helper()
	line, err := c.lines.ReadString('\n')
	if err != nil {
		c.t.Fatalf("no answer: %v", err)
	}
	return strings.TrimSuffix(line, "\n")
}

// ask sends a line and reads the next one.
func (c *jsonConn) ask(format string, args ...any) string {
	c.t.Helper()
	c.send(format, args...)
	return c.line()
}

// answer is a line from the daemon.
type answer struct {
	ID     json.RawMessage
	Result json.RawMessage
	Error  *api.Error
	Method string
	Params api.Event
}

func (c *jsonConn) answer() (a answer) {
	c.t.Helper()
	line := c.line()
	if err := json.Unmarshal([]byte(line), &a); err != nil {
		c.t.Fatalf("%q: %v", line, err)
	}
	return a
}

// call calls a method and gives its error.
func (c *jsonConn) call(method, params string, args ...any) *api.Error {
	c.t.Helper()
	c.send(`{"id":1,"method":%q,"params":%s}`, method, fmt.Sprintf(params, args...))
	return c.answer().Error
}

// must calls a method that must not fail.
func (c *jsonConn) must(method, params string, args ...any) {
	c.t.Helper()
	if err := c.call(method, params, args...); err != nil {
		c.t.Fatalf("%s %s: %s", method, fmt.Sprintf(params, args...), err.Message)
	}
}

// registerAs gives a connection for an owner of that name.
func registerAs(t testing.TB, socket, name string) *jsonConn {
	t.Helper()
	c := dialJSON(t, socket)
	c.must("owner.register", `{"owner":{"name":%q}}`, name)
	return c
}

// acquire takes locks in the direct lockspace and gives the code of the error,
// empty for none.
func (c *jsonConn) acquire(names ...string) api.Code {
	c.t.Helper()
	return codeOf(c.call("lock.acquire", `{"resources":%s}`, resources("", names...)))
}

func (c *jsonConn) release(names ...string) api.Code {
	c.t.Helper()
	return codeOf(c.call("lock.release", `{"resources":%s}`, resources("", names...)))
}

// startWait calls lock.acquire with an id and returns when it waits.
func (c *jsonConn) startWait(id int, mode api.Mode, names ...string) {
	c.t.Helper()
	watch := dialJSON(c.t, c.RemoteAddr().String())
	defer watch.Close()
	watch.must("event.subscribe", `{"types":["lock.waiting"]}`)
	c.sendAcquire(id, mode, names...)
	if e := watch.answer(); e.Params.Type != api.EventLockWaiting {
		c.t.Fatalf("%v instead of %s", e, api.EventLockWaiting)
	}
}

// sendAcquire sends a lock.acquire that waits as long as it must.
func (c *jsonConn) sendAcquire(id int, mode api.Mode, names ...string) {
	c.t.Helper()
	c.send(`{"id":%d,"method":"lock.acquire","params":{"resources":%s,"wait_ms":-1}}`, id, resources(mode, names...))
}

func resources(mode api.Mode, names ...string) string {
	list := make([]api.Resource, len(names))
	for i, n := range names {
		list[i] = api.Resource{Name: n, Mode: mode}
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func codeOf(err *api.Error) api.Code {
	if err == nil {
		return ""
	}
	return err.Data.Code
}

// silent fails the test if a line comes before the reply to a request that is
// sent now: replies of one connection come in the order of the requests, but
// for those that wait.
func (c *jsonConn) silent() {
	c.t.Helper()
	if got := c.ask(`{"id":"is it silent","method":"lockspace.list"}`); !strings.Contains(got, `"id":"is it silent"`) {
		c.t.Fatalf("unexpected line %s", got)
	}
}

// status gives the answer to daemon.status.
func (c *jsonConn) status() (s api.Status) {
	c.t.Helper()
	c.send(`{"id":1,"method":"daemon.status"}`)
	if err := json.Unmarshal(c.answer().Result, &s); err != nil {
		c.t.Fatal(err)
	}
	return s
}

// ended reports whether the daemon has closed the connection, and waits for it.
func (c *jsonConn) ended() bool {
	c.SetReadDeadline(time.Now().Add(patience))
	_, err := c.lines.ReadByte()
	return err != nil && !strings.Contains(err.Error(), "timeout")
}

// jsonString is a string in JSON.
func jsonString(t testing.TB, s string) string {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
