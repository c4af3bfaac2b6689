package api

import "time"

// Client is a connection to the daemon.
type Client struct {
	// ID counts all connections since the daemon first started.
	ID uint64 `json:"id"`
	// Protocol is "json" or "libvirt", or empty before the first byte came.
	Protocol string `json:"protocol"`
	// Socket is "main" or "admin".
	Socket string `json:"socket"`
	PID    int    `json:"pid"`
	UID    int    `json:"uid"`
	GID    int    `json:"gid"`
	// Connected is when the daemon accepted it.
	Connected time.Time `json:"connected"`
	// Owner is who it registered as, if it did.
	Owner      *Owner `json:"owner,omitempty"`
	Restricted bool   `json:"restricted"`
	// Waiting is how many of its calls of lock.acquire wait.
	Waiting int `json:"waiting"`
}

// ClientCloseParams are the params of client.close, which closes a connection and
// does nothing else: nobody is killed, and what is tied to a process stays held.
// What is tied to the connection is released.
type ClientCloseParams struct {
	Client uint64 `json:"client"`
	// Reason is why, for the history. It must not be empty.
	Reason string `json:"reason"`
}

// ClientsResult is the result of client.list: all clients by ID.
type ClientsResult struct {
	Clients []Client `json:"clients"`
}
