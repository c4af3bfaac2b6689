package daemon

import "virtlock/daemon/internal/virnet"

// What libvirt calls servers: a socket each, with its clients and limits.
const (
	mainServer  = "virtlockd"
	adminServer = "admin"
)

// servers are all there are. libvirt lists them in no certain order.
var servers = []string{mainServer, adminServer}

// server gives the slots of a server.
func (d *Daemon) server(name string) (*slots, error) {
	switch name {
	case mainServer:
		return d.main, nil
	case adminServer:
		return d.admin, nil
	}
	return nil, virnet.Errorf(virnet.CodeNoServer, virnet.DomainRPC, "No server named '%s'", name)
}

// serverNamed is server for the calls in which libvirt words the failure in
// another way.
func (d *Daemon) serverNamed(name string) (*slots, error) {
	s, err := d.server(name)
	if err != nil {
		return nil, virnet.Errorf(virnet.CodeNoServer, virnet.DomainAdmin, "no server with matching name '%s' found", name)
	}
	return s, nil
}

// serverOf is server for a call with flags, of which there are none to know.
func (c *conn) serverOf(call virnet.Header, name string, flags uint32) (*slots, error) {
	s, err := c.daemon.server(name)
	if err != nil {
		return nil, err
	}
	return s, checkFlags(call, flags)
}

func adminListServers(_ *conn, call virnet.Header, a *virnet.ListServersArgs) (virnet.Payload, error) {
	if err := checkFlags(call, a.Flags); err != nil {
		return nil, err
	}
	r := virnet.ServersResult{Total: uint32(len(servers))}
	if a.NeedResults {
		r.Servers = servers
	}
	return r, nil
}

// adminLookupServer does not look at the flags, like libvirt.
func adminLookupServer(c *conn, _ virnet.Header, a *virnet.ServerArgs) (virnet.Payload, error) {
	if _, err := c.daemon.server(a.Server); err != nil {
		return nil, err
	}
	return virnet.ServerResult{Server: a.Server}, nil
}

// adminUpdateTLS fails: the sockets are Unix sockets, and nothing here has TLS.
func adminUpdateTLS(c *conn, call virnet.Header, a *virnet.ServerArgs) (virnet.Payload, error) {
	if _, err := c.serverOf(call, a.Server, a.Flags); err != nil {
		return nil, err
	}
	return nil, virnet.NewError(virnet.CodeInternalError, virnet.DomainRPC, "no tls service found, unable to update tls files")
}

// The parameters of a thread pool.
const (
	minWorkers    = "minWorkers"
	maxWorkers    = "maxWorkers"
	workers       = "nWorkers"
	freeWorkers   = "freeWorkers"
	prioWorkers   = "prioWorkers"
	jobQueueDepth = "jobQueueDepth"
)

// adminGetThreadpool answers as libvirt's virtlockd, which has one thread and
// no pool.
func adminGetThreadpool(c *conn, call virnet.Header, a *virnet.ServerArgs) (virnet.Payload, error) {
	if _, err := c.serverOf(call, a.Server, a.Flags); err != nil {
		return nil, err
	}
	var r virnet.ParamsResult
	for _, field := range []string{minWorkers, maxWorkers, workers, freeWorkers, prioWorkers, jobQueueDepth} {
		r.Params = append(r.Params, virnet.TypedParam{Field: field, Value: uint32(0)})
	}
	return r, nil
}

// adminSetThreadpool refuses what would make a pool, with libvirt's words, and
// does nothing else. libvirt takes a number of prioWorkers and shows it again;
// here there are none, whatever was set.
func adminSetThreadpool(c *conn, call virnet.Header, a *virnet.ServerParamsArgs) (virnet.Payload, error) {
	_, params, err := c.serverParams(call, a, minWorkers, maxWorkers, prioWorkers)
	if err != nil {
		return nil, err
	}
	least, most := params[minWorkers], params[maxWorkers]
	switch {
	case least > most:
		return nil, virnet.NewError(virnet.CodeInvalidArgument, virnet.DomainNone, "minWorkers cannot be larger than maxWorkers")
	case most > 0:
		return nil, virnet.NewError(virnet.CodeInvalidArgument, virnet.DomainNone, "maxWorkers must not be switched from zero to non-zero and vice versa")
	}
	return nil, nil
}
