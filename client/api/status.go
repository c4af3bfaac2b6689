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

	// Keeper is the process that keeps the locks when the daemon ends; nil when
	// there is none, which is so before the first lock.
	Keeper *Keeper `json:"keeper,omitempty"`
	// Missing are locks of living owners that the kernel does not hold: while
	// neither the daemon nor its keeper lived somebody else took them.
	Missing []MissingLock `json:"missing,omitempty"`
}

// Keeper is how the keeper is.
type Keeper struct {
	PID int `json:"pid"`
	// Locks and Holders are what it keeps. Complete says that this is all that
	// the daemon has granted.
	Locks    int  `json:"locks"`
	Holders  int  `json:"holders"`
	Complete bool `json:"complete"`
}

// MissingLock is a lock that its owner relies on, and nobody holds for it.
type MissingLock struct {
	Lockspace string `json:"lockspace"`
	Name      string `json:"name"`
	Path      string `json:"path"`
	Mode      Mode   `json:"mode"`
	Owner     Owner  `json:"owner"`
	// Reason says who or what is in the way.
	Reason string `json:"reason"`
}

// ReexecParams are the parameters of daemon.reexec.
type ReexecParams struct {
	// Program is an absolute path, the daemon's own from then on. "" is the path
	// that it has.
	Program string `json:"program,omitempty"`
}

// ReexecResult is the result of daemon.reexec. It comes from the new program.
type ReexecResult struct {
	// Program is the file that runs now, Version what it says of itself.
	Program string `json:"program"`
	Version string `json:"version"`
	PID     int    `json:"pid"`
	// Locks and Clients are what it took over.
	Locks   int `json:"locks"`
	Clients int `json:"clients"`
}
