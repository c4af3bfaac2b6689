package daemon

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"virtlock/client/api"
)

// clients are the connections that are served.
type clients struct {
	mu   sync.Mutex // guards all below
	last uint64     // the latest connection's number
	byID map[uint64]*conn
}

func newClients() *clients { return &clients{byID: make(map[uint64]*conn)} }

// add numbers a connection.
func (cs *clients) add(c *conn) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.last++
	c.id = cs.last
	cs.byID[c.id] = c
}

func (cs *clients) remove(c *conn) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.byID, c.id)
}

func (cs *clients) count() int {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return len(cs.byID)
}

// list lists the connections by number.
func (cs *clients) list() []*conn {
	cs.mu.Lock()
	list := make([]*conn, 0, len(cs.byID))
	for _, c := range cs.byID {
		list = append(list, c)
	}
	cs.mu.Unlock()
	slices.SortFunc(list, func(a, b *conn) int { return cmp.Compare(a.id, b.id) })
	return list
}

// The sockets, as client.list names them.
const (
	mainSocket  = "main"
	adminSocket = "admin"
)

// slots count the connections of one socket against its limit.
type slots struct {
	name     string // mainSocket or adminSocket
	refusing atomic.Int32

	mu     sync.Mutex // guards the fields that follow
	max    int
	used   int
	warned bool
}

func newSlots(name string, most int) *slots { return &slots{name: name, max: most} }

// take takes a slot. It fails with a *limitError when there is none.
func (s *slots) take(log *slog.Logger) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used >= s.max {
		return &limitError{fmt.Sprintf("too many clients, %s is %d", s.setting(), s.max),
			fmt.Sprintf("raise %s in virtlockd.conf and reload the daemon", s.setting())}
	}
	s.used++
	// Warned of once on the way up, in time to do something about it.
	if !s.warned && s.used*10 >= s.max*8 {
		s.warned = true
		log.Warn("80 % of the clients allowed are connected", "socket", s.name, "clients", s.used, "max", s.max)
	}
	return nil
}

func (s *slots) giveBack() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used--
	if s.used*10 < s.max*7 {
		s.warned = false
	}
}

// setting is the name of the limit in virtlockd.conf.
func (s *slots) setting() string {
	if s.name == adminSocket {
		return "admin_max_clients"
	}
	return "max_clients"
}

func (s *slots) setMax(most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.max = most
}

func (s *slots) usage() (used, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used, s.max
}

// clientList answers client.list.
func (d *Daemon) clientList(*conn, api.Empty) (api.ClientsResult, error) {
	conns := d.clients.list()
	r := api.ClientsResult{Clients: make([]api.Client, len(conns))}
	for i, c := range conns {
		r.Clients[i] = c.snapshot()
	}
	return r, nil
}
