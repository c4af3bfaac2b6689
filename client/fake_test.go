package client_test

import (
	"bufio"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"virtlock/client"
	"virtlock/client/api"
)

// A fake daemon, for what the real one does only when it fails: breaking off,
// talking rubbish, granting at the worst moment.

// fakeConn is one connection to it, from its side.
type fakeConn struct {
	t     *testing.T
	nc    net.Conn
	lines *bufio.Scanner
	// Number is that of the connection, from 1.
	Number int
}

// fakeCall is a request that it received.
type fakeCall struct {
	ID     uint64          `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// fakeDaemon serves each connection with a function, and returns a client of
// it. The connection is closed when the function returns.
func fakeDaemon(t *testing.T, serve func(*fakeConn)) *client.Client {
	t.Helper()
	// Not t.TempDir: the name of a socket has to be short, see unix(7).
	dir, err := os.MkdirTemp("", "fake")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	c := &client.Client{Socket: l.Addr().String()}
	var served sync.WaitGroup
	served.Go(func() {
		for n := 1; ; n++ {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			served.Go(func() {
				defer nc.Close()
				serve(newFakeConn(t, nc, n))
			})
		}
	})
	t.Cleanup(func() {
		_ = c.Close()
		_ = l.Close()
		served.Wait()
		_ = os.RemoveAll(dir)
	})
	return c
}

func newFakeConn(t *testing.T, nc net.Conn, number int) *fakeConn {
	lines := bufio.NewScanner(nc)
	lines.Buffer(nil, 2*api.MaxLine)
	return &fakeConn{t: t, nc: nc, lines: lines, Number: number}
}

// Read returns the next request, and false when the client closed.
func (c *fakeConn) Read() (fakeCall, bool) {
	var call fakeCall
	if !c.lines.Scan() {
		return call, false
	}
	if err := json.Unmarshal(c.lines.Bytes(), &call); err != nil {
		c.t.Errorf("the client sent %q: %v", c.lines.Bytes(), err)
	}
	return call, true
}

// Expect reads a request for the method, and fails the test on any other.
func (c *fakeConn) Expect(method string) fakeCall {
	call, ok := c.Read()
	if !ok || call.Method != method {
		c.t.Errorf("connection %d: the client asked %q, want %q", c.Number, call.Method, method)
	}
	return call
}

// Send sends a line as it is.
func (c *fakeConn) Send(line string) { _, _ = c.nc.Write([]byte(line + "\n")) }

// Reply answers a request.
func (c *fakeConn) Reply(call fakeCall, result any) {
	b, err := json.Marshal(result)
	if err != nil {
		c.t.Error(err)
	}
	c.Send(`{"jsonrpc":"2.0","id":` + strconv.FormatUint(call.ID, 10) + `,"result":` + string(b) + `}`)
}

// Fail answers it with an error.
func (c *fakeConn) Fail(call fakeCall, code api.Code) {
	c.Send(`{"jsonrpc":"2.0","id":` + strconv.FormatUint(call.ID, 10) +
		`,"error":{"code":-32000,"message":"no","data":{"code":"` + string(code) + `"}}}`)
}

// Register answers the registration that comes next. There is nothing to claim
// from this daemon; a connection that wanted nothing else ends here.
func (c *fakeConn) Register(tied api.TiedTo) {
	call, ok := c.Read()
	for ok && c.claim(call) != 0 {
		c.Fail(call, api.CodeNotFound)
		if call, ok = c.Read(); !ok {
			runtime.Goexit()
		}
	}
	if call.Method != api.OwnerRegister {
		c.t.Errorf("connection %d: the client asked %q, want a registration", c.Number, call.Method)
	}
	c.Registered(call, tied)
}

// claim is what a registration claims.
func (c *fakeConn) claim(call fakeCall) uint64 {
	var params api.RegisterParams
	if call.Method == api.OwnerRegister {
		if err := json.Unmarshal(call.Params, &params); err != nil {
			c.t.Error(err)
		}
	}
	return params.Claim
}

// Registered answers a registration well.
func (c *fakeConn) Registered(call fakeCall, tied api.TiedTo) {
	c.Reply(call, api.RegisterResult{
		Owner:  api.Owner{Name: "test", PID: os.Getpid(), TiedTo: tied},
		Client: uint64(c.Number),
	})
}

// Grant answers a request for locks with locks that the connection holds.
func (c *fakeConn) Grant(call fakeCall) []api.Lock {
	var params api.AcquireParams
	if err := json.Unmarshal(call.Params, &params); err != nil {
		c.t.Error(err)
	}
	var locks []api.Lock
	for _, resource := range params.Resources {
		locks = append(locks, api.Lock{
			Lockspace: resource.Lockspace, Name: resource.Name, Mode: api.Exclusive,
			Holders: []api.Holder{{Owner: api.Owner{PID: os.Getpid()}, Client: uint64(c.Number), Since: granted}},
		})
	}
	c.Reply(call, api.LocksResult{Locks: locks})
	return locks
}

// granted is when the fake granted everything.
var granted = time.Date(2026, 1, 2, 3, 4, 5, 678900000, time.UTC)

// disk is a resource for tests that touch no file.
func disk(name string) api.Resource { return api.Resource{Name: "/" + name} }
