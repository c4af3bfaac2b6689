package api

import "time"

// AuditRecord is one line of the history: an event, and who brought it about.
type AuditRecord struct {
	Event
	// By is who asked for it, where somebody did.
	By *Caller `json:"by,omitempty"`
}

// Caller is a client that asked for something.
type Caller struct {
	Client  uint64 `json:"client"`
	PID     int    `json:"pid"`
	UID     int    `json:"uid"`
	Command string `json:"command,omitempty"`
}

// AuditFilter is the params of audit.list. What is left out matches all.
type AuditFilter struct {
	// Since and Until bound the times, both included.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// Types are glob patterns of event types.
	Types []string `json:"types,omitempty"`
	// Lockspace, Name and Owner are as in LockFilter.
	Lockspace *string `json:"lockspace,omitempty"`
	Name      string  `json:"name,omitempty"`
	Owner     string  `json:"owner,omitempty"`
	// Limit is how many to tell at most, the latest ones. 0 means 1000, which
	// is also the most.
	Limit int `json:"limit,omitempty"`
}

// AuditResult is the result of audit.list: records by time.
type AuditResult struct {
	Records []AuditRecord `json:"records"`
	// More says that there are older ones that match too.
	More bool `json:"more"`
}
