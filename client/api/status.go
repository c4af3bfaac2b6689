package api

import "time"

// Status is the result of daemon.status.
type Status struct {
	Version  string    `json:"version"`
	Protocol int       `json:"protocol"`
	PID      int       `json:"pid"`
	Started  time.Time `json:"started"`
	// Socket is the path of the main socket.
	Socket string `json:"socket"`

	Lockspaces int `json:"lockspaces"` // the direct one included
	Locks      int `json:"locks"`      // resources that are held
	Holders    int `json:"holders"`    // holds on them
	Owners     int `json:"owners"`     // owners registered or holding
	Waiters    int `json:"waiters"`    // calls of lock.acquire that wait

	Clients         int `json:"clients"`
	MaxClients      int `json:"max_clients"`
	AdminClients    int `json:"admin_clients"`
	AdminMaxClients int `json:"admin_max_clients"`
	Subscribers     int `json:"subscribers"`

	// OpenFiles is how many descriptors the daemon has open, MaxOpenFiles how
	// many it may have.
	OpenFiles    int `json:"open_files"`
	MaxOpenFiles int `json:"max_open_files"`

	// Granted, Refused and Released count since Started.
	Granted  uint64 `json:"granted"`
	Refused  uint64 `json:"refused"`
	Released uint64 `json:"released"`
}
