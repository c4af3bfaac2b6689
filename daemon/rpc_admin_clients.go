package daemon

import (
	"os/user"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"virtlock/daemon/internal/virnet"
)

// clientsOf lists the clients of a server by number. Those that are about to
// end no longer count.
func (d *Daemon) clientsOf(s *slots) []*conn {
	return slices.DeleteFunc(d.clients.list(), func(c *conn) bool { return !c.isOf(s) })
}

// clientOf gives a client of a server, or nil.
func (d *Daemon) clientOf(s *slots, id uint64) *conn {
	if c := d.clients.get(id); c != nil && c.isOf(s) {
		return c
	}
	return nil
}

func (c *conn) isOf(s *slots) bool { return c.slots == s && c.ctx.Err() == nil }

// adminClient describes the connection to virt-admin.
func (c *conn) adminClient(server string) virnet.AdminClient {
	return virnet.AdminClient{Server: server, ID: c.id, Connected: c.connected.Unix(), Transport: virnet.TransportUnix}
}

func adminListClients(c *conn, call virnet.Header, a *virnet.ListClientsArgs) (virnet.Payload, error) {
	s, err := c.serverOf(call, a.Server, a.Flags)
	if err != nil {
		return nil, err
	}
	list := c.daemon.clientsOf(s)
	r := virnet.ClientsResult{Total: uint32(len(list))}
	if !a.NeedResults {
		return r, nil
	}
	if len(list) > virnet.MaxClients {
		return nil, virnet.Errorf(virnet.CodeInternalError, virnet.DomainAdmin, "Too many clients '%d' for limit '%d'", len(list), virnet.MaxClients)
	}
	for _, client := range list {
		r.Clients = append(r.Clients, client.adminClient(a.Server))
	}
	return r, nil
}

func adminLookupClient(c *conn, call virnet.Header, a *virnet.LookupClientArgs) (virnet.Payload, error) {
	s, err := c.serverOf(call, a.Server, a.Flags)
	if err != nil {
		return nil, err
	}
	client := c.daemon.clientOf(s, a.ID)
	if client == nil {
		return nil, noClient(a.ID)
	}
	return virnet.ClientResult{Client: client.adminClient(a.Server)}, nil
}

func noClient(id uint64) error {
	return virnet.Errorf(virnet.CodeNoClient, virnet.DomainRPC, "No client with matching ID '%d'", id)
}

// adminClientInfo says who a client is. libvirt words its errors in a way of
// its own here, and knows a client only after the first call of that; the kernel
// knows it at once.
func adminClientInfo(c *conn, call virnet.Header, a *virnet.ClientArgs) (virnet.Payload, error) {
	s, err := c.daemon.serverNamed(a.Client.Server)
	if err != nil {
		return nil, err
	}
	client := c.daemon.clientOf(s, a.Client.ID)
	if client == nil {
		return nil, virnet.Errorf(virnet.CodeNoClient, virnet.DomainAdmin, "no client with matching id '%d' found", a.Client.ID)
	}
	if err := checkFlags(call, a.Flags); err != nil {
		return nil, err
	}
	return virnet.ParamsResult{Params: client.info()}, nil
}

// info is who is at the other end. A name that the system does not have is
// left out.
func (c *conn) info() []virnet.TypedParam {
	params := []virnet.TypedParam{{Field: "readonly", Value: false}}
	add := func(field string, value any) { params = append(params, virnet.TypedParam{Field: field, Value: value}) }
	add("unix_user_id", int32(c.peer.UID))
	if u, err := user.LookupId(strconv.Itoa(c.peer.UID)); err == nil {
		add("unix_user_name", u.Username)
	}
	add("unix_group_id", int32(c.peer.GID))
	if g, err := user.LookupGroupId(strconv.Itoa(c.peer.GID)); err == nil {
		add("unix_group_name", g.Name)
	}
	add("unix_process_id", int32(c.peer.PID))
	if label := c.securityLabel(); label != "" {
		add("selinux_context", label)
	}
	return params
}

// securityLabel is what a security module of the kernel calls the peer; "" when
// there is no such module.
func (c *conn) securityLabel() (label string) {
	c.withFD(func(fd int) {
		label, _ = unix.GetsockoptString(fd, unix.SOL_SOCKET, unix.SO_PEERSEC)
	})
	return label
}

// adminClientClose closes a connection and no more: its guest runs on and keeps
// its locks (law 5), where libvirt would kill it.
func adminClientClose(c *conn, call virnet.Header, a *virnet.ClientArgs) (virnet.Payload, error) {
	s, err := c.daemon.server(a.Client.Server)
	if err != nil {
		return nil, err
	}
	client := c.daemon.clientOf(s, a.Client.ID)
	if client == nil {
		return nil, noClient(a.Client.ID)
	}
	if err := checkFlags(call, a.Flags); err != nil {
		return nil, err
	}
	c.daemon.forceClosed(client, c, "asked for in libvirt's administration protocol")
	return nil, nil
}
