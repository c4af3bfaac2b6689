package handover

// What libvirt's daemon reads, in its order. It ends when a key is missing, or a
// server is there that it does not know.

type libvirtFile struct {
	Daemon     libvirtDaemon  `json:"daemon"`
	Default    libvirtSpace   `json:"defaultLockspace"`
	Lockspaces []libvirtSpace `json:"lockspaces"`
	Magic      string         `json:"magic"`
}

type libvirtDaemon struct {
	Servers libvirtServers `json:"servers"`
}

type libvirtServers struct {
	Admin *libvirtServer `json:"admin,omitempty"`
	Main  *libvirtServer `json:"virtlockd,omitempty"`
}

type libvirtServer struct {
	MinWorkers        int              `json:"min_workers"`
	MaxWorkers        int              `json:"max_workers"`
	PriorityWorkers   int              `json:"priority_workers"`
	MaxClients        int              `json:"max_clients"`
	MaxAnonymous      int              `json:"max_anonymous_clients"`
	KeepaliveInterval uint32           `json:"keepaliveInterval"`
	KeepaliveCount    int              `json:"keepaliveCount"`
	NextClientID      uint64           `json:"next_client_id"`
	Services          []libvirtService `json:"services"`
	Clients           []libvirtClient  `json:"clients"`
}

type libvirtService struct {
	Auth        int           `json:"auth"`
	ReadOnly    bool          `json:"readonly"`
	MaxRequests int           `json:"nrequests_client_max"`
	Sockets     []libvirtSock `json:"socks"`
}

type libvirtSock struct {
	FD       int  `json:"fd"`
	ErrorFD  int  `json:"errfd"`
	PID      int  `json:"pid"`
	IsClient bool `json:"isClient"`
	Unlink   bool `json:"unlinkUNIX"`
}

type libvirtClient struct {
	ID          uint64      `json:"id"`
	Auth        int         `json:"auth"`
	AuthPending bool        `json:"auth_pending"`
	ReadOnly    bool        `json:"readonly"`
	MaxRequests int         `json:"nrequests_max"`
	Connected   int64       `json:"conn_time"`
	Sock        libvirtSock `json:"sock"`
	Private     any         `json:"privateData"` // *libvirtRegistration, or without keys for an admin client
}

type libvirtRegistration struct {
	Restricted bool   `json:"restricted"`
	PID        int    `json:"ownerPid"`
	ID         uint32 `json:"ownerId"`
	Name       string `json:"ownerName"`
	UUID       string `json:"ownerUUID"`
}

type libvirtSpace struct {
	Directory string             `json:"directory,omitempty"`
	Resources []*libvirtResource `json:"resources"`
}

type libvirtResource struct {
	Name     string `json:"name"`
	Path     string `json:"path"`
	FD       int    `json:"fd"`
	LockHeld bool   `json:"lockHeld"`
	Flags    int    `json:"flags"`
	Owners   []int  `json:"owners"`
}
