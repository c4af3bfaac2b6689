package daemon

import (
	"encoding/json"
	"fmt"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
	"virtlock/daemon/internal/handover"
	"virtlock/daemon/internal/peer"
)

// restoreClient puts a connection back as it was. What was read and not answered
// is answered later, by resume.
func (r *restorer) restoreClient(h *handover.Client) (*conn, error) {
	if h.FD < 0 {
		return nil, fmt.Errorf("it has no descriptor")
	}
	cred, err := peer.Of(h.FD)
	if err == nil {
		err = unix.SetNonblock(h.FD, true)
	}
	if err != nil {
		unix.Close(h.FD)
		return nil, err
	}
	slots := r.slotsOf(h.Socket)
	c := newConn(r.Daemon, slots, h.FD, cred)
	c.id, c.connected = h.ID, timeOf(h.Connected)
	c.in, c.out, c.tooLong, c.skipped = h.In, h.Out, h.TooLong, h.Skipped
	c.restricted = h.Restricted
	switch h.Protocol {
	case libvirtProtocol:
		c.protocol, c.next = h.Protocol, (*conn).nextRPC
	case jsonProtocol:
		c.protocol, c.next = h.Protocol, (*conn).nextLine
	}
	r.restoreRegistrations(c, h)
	slots.takeAgain()
	r.clientsOf().addAgain(c)
	r.conns.Add(1)
	if h.Subscription != nil {
		r.restoreSubscription(c, h.Subscription)
	}
	if err := r.poller.add(c); err != nil {
		r.part(c, err)
		return nil, err
	}
	c.rearm(r.poller)
	return c, nil
}

// clientsOf are the daemon's, not those that were restored.
func (r *restorer) clientsOf() *clients { return r.Daemon.clients }

func (r *restorer) restoreRegistrations(c *conn, h *handover.Client) {
	for i := range h.Owners {
		reg := r.registration(&h.Owners[i], c.id)
		r.processes.joinAgain(reg.process)
		if c.registration != nil {
			c.former = append(c.former, c.registration)
		}
		c.registration = reg
		c.caller()
	}
}

func (r *restorer) restoreSubscription(c *conn, h *handover.Subscription) {
	types := make(eventSet)
	for _, t := range h.Types {
		types[api.EventType(t)] = true
	}
	s, _ := r.events.subscribe(types)
	for _, b := range h.Waiting {
		var e api.Event
		if json.Unmarshal(b, &e) == nil {
			s.waiting = append(s.waiting, e)
		}
	}
	if json.Unmarshal(h.Lost, &s.lost) != nil {
		s.lost = api.Event{}
	}
	c.subscriber = s
}
