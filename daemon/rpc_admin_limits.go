package daemon

import "virtlock/daemon/internal/virnet"

// The parameters of a server's limits.
const (
	clientsMax    = "nclients_max"
	clientsNow    = "nclients"
	unauthMax     = "nclients_unauth_max"
	unauthClients = "nclients_unauth"
)

// adminGetLimits counts no client as unauthenticated: the kernel tells who it
// is before its first byte.
func adminGetLimits(c *conn, call virnet.Header, a *virnet.ServerArgs) (virnet.Payload, error) {
	s, err := c.serverOf(call, a.Server, a.Flags)
	if err != nil {
		return nil, err
	}
	l := s.limits()
	return virnet.ParamsResult{Params: []virnet.TypedParam{
		{Field: clientsMax, Value: uint32(l.clients)},
		{Field: clientsNow, Value: uint32(len(c.daemon.clientsOf(s)))},
		{Field: unauthMax, Value: uint32(l.unauthenticated)},
		{Field: unauthClients, Value: uint32(0)},
	}}, nil
}

// adminSetLimits changes the limits for those who come from now on.
func adminSetLimits(c *conn, call virnet.Header, a *virnet.ServerParamsArgs) (virnet.Payload, error) {
	s, params, err := c.serverParams(call, a, clientsMax, unauthMax)
	if err != nil {
		return nil, err
	}
	l, ok := s.changeLimits(func(l *limits) {
		if n, set := params[clientsMax]; set {
			l.clients = int(n)
		}
		if n, set := params[unauthMax]; set {
			l.unauthenticated = int(n)
		}
	})
	if !ok {
		return nil, virnet.NewError(virnet.CodeInvalidArgument, virnet.DomainRPC,
			"The overall maximum number of clients waiting for authentication must not be less than the overall maximum number of clients")
	}
	c.daemon.settingChanged(c, s.setting(), l.clients)
	return nil, nil
}
