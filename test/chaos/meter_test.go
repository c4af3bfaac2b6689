package chaos

import (
	"bytes"
	"encoding/json"
	"net"
	"sync"

	"virtlock/test/bed"
)

// dial connects to the daemon, for a client of package client or one by hand whose
// requests and replies are counted.
func (w *worker) dial() (net.Conn, error) {
	conn, err := net.Dial("unix", bed.Socket)
	if err != nil {
		return nil, err
	}
	return &meter{Conn: conn, worker: w, open: make(map[string]bool)}, nil
}

// meter is a connection that speaks JSON. Each request on it has to get one reply,
// or the connection an end.
type meter struct {
	net.Conn
	worker *worker

	mu      sync.Mutex // guards the fields that follow
	open    map[string]bool
	ended   bool
	in, out []byte // of a line that is not whole yet
}

func (m *meter) Write(b []byte) (int, error) {
	m.mu.Lock()
	m.out = lines(append(m.out, b...), m.asked)
	m.mu.Unlock()
	return m.Conn.Write(b)
}

func (m *meter) Read(b []byte) (int, error) {
	n, err := m.Conn.Read(b)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.in = lines(append(m.in, b[:n]...), m.answered)
	if err != nil {
		m.endLocked()
	}
	return n, err
}

func (m *meter) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.endLocked()
	return m.Conn.Close()
}

func (m *meter) endLocked() {
	m.ended = true
	for id := range m.open {
		m.worker.count(ends)
		delete(m.open, id)
	}
}

// lines gives each whole line to f, and returns the rest.
func lines(b []byte, f func(id string)) []byte {
	for {
		line, rest, whole := bytes.Cut(b, []byte("\n"))
		if !whole {
			return b
		}
		var message struct {
			ID json.RawMessage `json:"id"`
		}
		if json.Unmarshal(line, &message) == nil && message.ID != nil {
			f(string(message.ID))
		}
		b = rest
	}
}

func (m *meter) asked(id string) {
	m.worker.count(requests)
	if m.ended {
		m.worker.count(ends)
		return
	}
	m.open[id] = true
}

func (m *meter) answered(id string) {
	if !m.open[id] {
		m.worker.board.violation("worker %d: a reply with id %s that was answered, or never asked", m.worker.number, id)
	}
	delete(m.open, id)
	m.worker.count(replies)
}
