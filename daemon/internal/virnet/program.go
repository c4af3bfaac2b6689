package virnet

// The numbers of the programs. Each socket serves one of the first two, and
// keepalive.
const (
	ProgramLock      uint32 = 0x0EA7BEEF
	ProgramAdmin     uint32 = 0x06900690
	ProgramKeepalive uint32 = 0x6B656570 // "keep"
)

// Version is the only version of all three programs.
const Version uint32 = 1

// The procedures of ProgramLock.
const (
	ProcRegister        int32 = 1
	ProcRestrict        int32 = 2
	ProcNew             int32 = 3
	ProcCreateResource  int32 = 4
	ProcDeleteResource  int32 = 5
	ProcAcquire         int32 = 6
	ProcRelease         int32 = 7
	ProcCreateLockspace int32 = 8
)

// The procedures of ProgramAdmin.
const (
	AdminConnectOpen             int32 = 1
	AdminConnectClose            int32 = 2
	AdminGetLibVersion           int32 = 3
	AdminListServers             int32 = 4
	AdminLookupServer            int32 = 5
	AdminGetThreadpoolParameters int32 = 6
	AdminSetThreadpoolParameters int32 = 7
	AdminListClients             int32 = 8
	AdminLookupClient            int32 = 9
	AdminClientGetInfo           int32 = 10
	AdminClientClose             int32 = 11
	AdminGetClientLimits         int32 = 12
	AdminSetClientLimits         int32 = 13
	AdminGetLoggingOutputs       int32 = 14
	AdminGetLoggingFilters       int32 = 15
	AdminSetLoggingOutputs       int32 = 16
	AdminSetLoggingFilters       int32 = 17
	AdminUpdateTLSFiles          int32 = 18
	AdminSetDaemonTimeout        int32 = 19
	AdminDaemonShutdown          int32 = 20 // since libvirt 11.2.0
)

// functionName returns the function of libvirt that checks the flags of a
// procedure. Its name is a part of the error libvirt answers.
func functionName(program uint32, procedure int32) string {
	switch program {
	case ProgramLock:
		return lockFunctions[procedure]
	case ProgramAdmin:
		return adminFunctions[procedure]
	}
	return ""
}

// CreateLockspace has no flags.
var lockFunctions = map[int32]string{
	ProcRegister:       "virLockSpaceProtocolDispatchRegister",
	ProcRestrict:       "virLockSpaceProtocolDispatchRestrict",
	ProcNew:            "virLockSpaceProtocolDispatchNew",
	ProcCreateResource: "virLockSpaceProtocolDispatchCreateResource",
	ProcDeleteResource: "virLockSpaceProtocolDispatchDeleteResource",
	ProcAcquire:        "virLockSpaceProtocolDispatchAcquireResource",
	ProcRelease:        "virLockSpaceProtocolDispatchReleaseResource",
}

// ConnectClose and GetLibVersion have no flags, and libvirt does not look at
// those of LookupServer.
var adminFunctions = map[int32]string{
	AdminConnectOpen:             "adminDispatchConnectOpen",
	AdminListServers:             "adminConnectListServers",
	AdminGetThreadpoolParameters: "adminServerGetThreadPoolParameters",
	AdminSetThreadpoolParameters: "adminServerSetThreadPoolParameters",
	AdminListClients:             "adminServerListClients",
	AdminLookupClient:            "adminServerLookupClient",
	AdminClientGetInfo:           "adminClientGetInfo",
	AdminClientClose:             "adminClientClose",
	AdminGetClientLimits:         "adminServerGetClientLimits",
	AdminSetClientLimits:         "adminServerSetClientLimits",
	AdminGetLoggingOutputs:       "adminConnectGetLoggingOutputs",
	AdminGetLoggingFilters:       "adminConnectGetLoggingFilters",
	AdminSetLoggingOutputs:       "adminConnectSetLoggingOutputs",
	AdminSetLoggingFilters:       "adminConnectSetLoggingFilters",
	AdminUpdateTLSFiles:          "adminServerUpdateTlsFiles",
	AdminSetDaemonTimeout:        "adminConnectSetDaemonTimeout",
	AdminDaemonShutdown:          "adminConnectDaemonShutdown",
}
