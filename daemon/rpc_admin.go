package daemon

import "virtlock/daemon/internal/virnet"

// adminProgram is what virt-admin calls. What it changes holds until the daemon
// ends or reads its configuration again.
var adminProgram = program{virnet.ProgramAdmin, longestAdminCall, map[int32]func(*conn, virnet.Header, []byte) (virnet.Payload, error){
	virnet.AdminConnectOpen:             adminProcedure(adminConnectOpen),
	virnet.AdminConnectClose:            adminConnectClose,
	virnet.AdminGetLibVersion:           adminGetLibVersion,
	virnet.AdminListServers:             adminProcedure(adminListServers),
	virnet.AdminLookupServer:            adminProcedure(adminLookupServer),
	virnet.AdminGetThreadpoolParameters: adminProcedure(adminGetThreadpool),
	virnet.AdminSetThreadpoolParameters: adminProcedure(adminSetThreadpool),
	virnet.AdminListClients:             adminProcedure(adminListClients),
	virnet.AdminLookupClient:            adminProcedure(adminLookupClient),
	virnet.AdminClientGetInfo:           adminProcedure(adminClientInfo),
	virnet.AdminClientClose:             adminProcedure(adminClientClose),
	virnet.AdminGetClientLimits:         adminProcedure(adminGetLimits),
	virnet.AdminSetClientLimits:         adminProcedure(adminSetLimits),
	virnet.AdminGetLoggingOutputs:       adminProcedure(adminGetLogOutputs),
	virnet.AdminGetLoggingFilters:       adminProcedure(adminGetLogFilters),
	virnet.AdminSetLoggingOutputs:       adminProcedure(adminSetLogOutputs),
	virnet.AdminSetLoggingFilters:       adminProcedure(adminSetLogFilters),
	virnet.AdminUpdateTLSFiles:          adminProcedure(adminUpdateTLS),
	virnet.AdminSetDaemonTimeout:        adminProcedure(adminSetTimeout),
	virnet.AdminDaemonShutdown:          adminProcedure(adminShutdown),
}}

// arguments are those of a procedure, and know how to be decoded.
type arguments[A any] interface {
	*A
	Decode(payload []byte) error
}

// adminProcedure makes a procedure of a function that takes its arguments.
func adminProcedure[A any, P arguments[A]](f func(*conn, virnet.Header, P) (virnet.Payload, error)) func(*conn, virnet.Header, []byte) (virnet.Payload, error) {
	return func(c *conn, call virnet.Header, payload []byte) (virnet.Payload, error) {
		args := P(new(A))
		if args.Decode(payload) != nil {
			return nil, virnet.UndecodablePayload()
		}
		return f(c, call, args)
	}
}

// checkFlags fails if there are flags that the procedure lacks. When it is
// called follows libvirt: of two mistakes in a call, the same one is answered.
func checkFlags(call virnet.Header, unknown uint32) error {
	if unknown != 0 {
		return virnet.UnsupportedFlags(call, unknown)
	}
	return nil
}

// adminConnectOpen has nothing to do: as in libvirt, no call needs it first.
func adminConnectOpen(_ *conn, call virnet.Header, a *virnet.FlagsArgs) (virnet.Payload, error) {
	return nil, checkFlags(call, a.Flags)
}

// adminConnectClose ends the connection after the answer. Who asks next finds
// it gone: its context ends first.
func adminConnectClose(c *conn, _ virnet.Header, _ []byte) (virnet.Payload, error) {
	c.end()
	return nil, errClosing
}

// libVersion is the release of libvirt whose admin program this is, not ours:
// virt-admin shows it as the daemon's version, and its users compare it with
// releases of libvirt.
const libVersion = 9_000_000

func adminGetLibVersion(*conn, virnet.Header, []byte) (virnet.Payload, error) {
	return virnet.LibVersionResult{Version: libVersion}, nil
}
