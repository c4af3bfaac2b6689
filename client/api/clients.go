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

// ClientsResult is the result of client.list: all clients by ID.
type ClientsResult struct {
	Clients []Client `json:"clients"`
}
