package api

// LogSettings are how the daemon logs, in the syntax of virtlockd.conf(5).
type LogSettings struct {
	Filters string `json:"filters"`
	Outputs string `json:"outputs"`
}

// LogParams are the params of daemon.log: what is there is changed, until the
// daemon is started or its configuration is read again. "" of Outputs goes back
// to the default.
type LogParams struct {
	Filters *string `json:"filters,omitempty"`
	Outputs *string `json:"outputs,omitempty"`
}

// Limits are the limits of the daemon.
type Limits struct {
	MaxClients      int `json:"max_clients"`
	AdminMaxClients int `json:"admin_max_clients"`
	// IdleTimeout is after how many seconds without a client or a lock the
	// daemon ends; 0 never.
	IdleTimeout int `json:"idle_timeout"`
}

// LimitsParams are the params of daemon.limits: what is there is changed, until
// the daemon is started or its configuration is read again.
type LimitsParams struct {
	MaxClients      *int `json:"max_clients,omitempty"`
	AdminMaxClients *int `json:"admin_max_clients,omitempty"`
	IdleTimeout     *int `json:"idle_timeout,omitempty"`
}
