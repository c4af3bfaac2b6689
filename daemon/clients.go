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

// begin goes on after a number.
func (cs *clients) begin(last uint64) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.last = last
}

// addAgain adds a connection that has its number already.
func (cs *clients) addAgain(c *conn) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.byID[c.id] = c
}

func (cs *clients) remove(c *conn) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.byID, c.id)
}

// lastID is the latest connection's number.
func (cs *clients) lastID() uint64 {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.last
}

func (cs *clients) count() int {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return len(cs.byID)
}

// get gives the connection of a number, or nil.
func (cs *clients) get(id uint64) *conn {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.byID[id]
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
	max    limits
	used   int
	warned bool // that it is nearly full
	full   bool // and said so
}

// limits are how many clients there may be, and how many of them nobody knows
// yet. The second is libvirt's: here the kernel says who a client is, and it
// limits nothing.
type limits struct{ clients, unauthenticated int }

func newSlots(name string, most int) *slots {
	s := &slots{name: name}
	s.setMax(most)
	return s
}

// take takes a slot. It fails with a *limitError when there is none.
func (s *slots) take(log *slog.Logger) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.used >= s.max.clients {
		if !s.full { // once, until a slot was free again
			s.full = true
			log.Error("clients are refused: all slots are taken", "socket", s.name, s.setting(), s.max.clients)
		}
		return &limitError{
			fmt.Sprintf("too many clients, %s is %d", s.setting(), s.max.clients),
			fmt.Sprintf("raise %s in virtlockd.conf and reload the daemon", s.setting()),
		}
	}
	s.used++
	// Warned of once on the way up, in time to do something about it.
	if !s.warned && s.used*10 >= s.max.clients*8 {
		s.warned = true
		log.Warn("80 % or more of the clients allowed are connected", "socket", s.name, "clients", s.used, "max", s.max.clients)
	}
	return nil
}

// takeAgain takes a slot for a connection that had one, whatever the limit is.
func (s *slots) takeAgain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used++
}

func (s *slots) giveBack() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used--
	s.full = false
	if s.used*10 < s.max.clients*7 {
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

// setMax sets both limits, as the configuration does.
func (s *slots) setMax(most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.max = limits{most, most}
}

// slotsOf are the slots of a socket.
func (d *Daemon) slotsOf(name string) *slots {
	if name == adminSocket {
		return d.admin
	}
	return d.main
}

// setLimits sets the limits as they were.
func (s *slots) setLimits(l limits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.max = l
}

// changeLimits changes the limits and gives the new ones, or reports false and
// leaves them when they would contradict each other.
func (s *slots) changeLimits(change func(*limits)) (limits, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.max
	change(&l)
	if l.clients < l.unauthenticated {
		return s.max, false
	}
	s.max = l
	return l, true
}

func (s *slots) limits() limits {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.max
}

func (s *slots) usage() (used, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used, s.max.clients
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
