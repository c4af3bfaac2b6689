package reexec

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"testing"
	"time"

	"virtlock/client/api"
	"virtlock/test/bed"
)

// lines is a client of the JSON protocol that sends and reads when it likes.
type lines struct {
	net.Conn
	t  testing.TB
	in *bufio.Reader
}

// line is what the daemon sends.
type line struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params api.Event       `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *api.Error      `json:"error"`
}

func (r *rig) lines() *lines {
	r.t.Helper()
	c, err := r.Dial(bed.Socket)
	check(r.t, err)
	r.t.Cleanup(func() { c.Close() })
	return &lines{c, r.t, bufio.NewReader(c)}
}

func call(id int, method string, params any) []byte {
	b, _ := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": id, "method": method, "params": params})
	return append(b, '\n')
}

func (l *lines) send(id int, method string, params any) {
	l.t.Helper()
	_, err := l.Write(call(id, method, params))
	check(l.t, err)
}

// read reads one line.
func (l *lines) read() (read line, err error) {
	l.SetReadDeadline(time.Now().Add(bed.Patience))
	b, err := l.in.ReadBytes('\n')
	if err != nil {
		return read, err
	}
	return read, json.Unmarshal(b, &read)
}

func (l *lines) next() line {
	l.t.Helper()
	read, err := l.read()
	check(l.t, err)
	return read
}

// must calls a method that has to succeed. No events may come meanwhile.
func (l *lines) must(id int, method string, params any) line {
	l.t.Helper()
	l.send(id, method, params)
	return l.answer(id)
}

// answer reads the answer to a call, which has to be a result.
func (l *lines) answer(id int) line {
	l.t.Helper()
	read := l.next()
	if read.ID != id || read.Error != nil {
		l.t.Fatalf("got %+v (%v) instead of the result of call %d", read, fmt.Sprint(read.Error), id)
	}
	return read
}

// owner registers as an owner whose locks go with its process only.
func (l *lines) owner(name string, pid int) {
	l.t.Helper()
	l.must(0, api.OwnerRegister, api.RegisterParams{Owner: api.Owner{Name: name, PID: pid}, TiedTo: api.TiedToProcess})
}

func acquireParams(path string, wait time.Duration) api.AcquireParams {
	return api.AcquireParams{Resources: []api.Resource{bed.Direct(path)}, WaitMS: wait.Milliseconds()}
}
