package handover

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// libvirtReader makes a State of what libvirt's daemon wrote.
type libvirtReader struct {
	state    *State
	owners   map[int]libvirtOwner // of the connections, by process
	failures []error
	more     int // that failures has no room for
}

// libvirtOwner is who registered for a process, and through which connection.
type libvirtOwner struct {
	owner  Owner
	client uint64
}

// maxFailures is how many things that are wrong are told one by one.
const maxFailures = 20

func (r *libvirtReader) fail(format string, args ...any) {
	if len(r.failures) == maxFailures {
		r.more++
		return
	}
	r.failures = append(r.failures, fmt.Errorf(format, args...))
}

func (r *libvirtReader) err() error {
	if r.more > 0 {
		return errors.Join(errors.Join(r.failures...), fmt.Errorf("%d more errors", r.more))
	}
	return errors.Join(r.failures...)
}

func (r *libvirtReader) read(root tree) {
	daemon := root.object("daemon")
	if daemon == nil {
		daemon = root.object("server") // as older versions called it
	}
	servers := daemon.object("servers")
	if servers == nil {
		r.fail("it has no servers")
	}
	r.server(mainSocket, servers.object(libvirtMain))
	r.server(adminSocket, servers.object(libvirtAdmin))
	r.numberClients()
	r.indexOwners()
	for _, resource := range root.object("defaultLockspace").objects("resources") {
		r.resource("", resource)
	}
	for _, space := range root.objects("lockspaces") {
		r.space(space)
	}
}

// server reads one of the two servers: a socket and its clients.
func (r *libvirtReader) server(name string, server tree) {
	for _, service := range server.objects("services") {
		for _, sock := range service.objects("socks") {
			r.socket(Socket{
				Name: name, FD: sock.fd(), Unlink: sock.flag("unlinkUNIX"),
				MaxClients:   int(max(server.number("max_clients", math.MaxInt32), 0)),
				MaxAnonymous: int(max(server.number("max_anonymous_clients", math.MaxInt32), 0)),
			})
		}
	}
	for _, client := range server.objects("clients") {
		r.client(name, client)
	}
	// The figure is the next client's.
	if next := server.number("next_client_id", maxClientID); next > 0 {
		r.state.Totals.Client = max(r.state.Totals.Client, uint64(next-1))
	}
}

func (r *libvirtReader) socket(s Socket) {
	if s.FD < 0 {
		r.fail("a socket of the server %q has no descriptor", s.Name)
		return
	}
	r.state.Sockets = append(r.state.Sockets, s)
}

func (r *libvirtReader) client(socket string, client tree) {
	c := Client{
		ID: uint64(max(client.number("id", maxClientID), 0)), FD: client.object("sock").fd(),
		Socket: socket, Protocol: libvirtProtocol,
		Connected: int64(time.Second) * max(client.number("conn_time", math.MaxInt64/int64(time.Second)), 0),
	}
	if c.FD < 0 {
		r.fail("client %d of the server %q has no descriptor", c.ID, socket)
		return
	}
	if socket == mainSocket {
		private := client.object("privateData")
		// Who may be a guest, which is not to be trusted, gets no more rights.
		c.Restricted = private["restricted"] != false
		c.Owners = private.owners()
	}
	r.state.Clients = append(r.state.Clients, c)
}

// owners gives whom a connection registered for, if it did.
func (o tree) owners() []Owner {
	pid := o.number("ownerPid", math.MaxInt32)
	if pid <= 0 {
		return nil
	}
	return []Owner{{
		Name: o.text("ownerName"), UUID: canonicalUUID(o.text("ownerUUID")),
		ID: uint32(max(o.number("ownerId", math.MaxUint32), 0)), PID: int(pid),
	}}
}

// fd gives the descriptor of an object, or -1.
func (o tree) fd() int { return int(o.number("fd", math.MaxInt32)) }
