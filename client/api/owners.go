package api

import "time"

// TiedTo says what ends an owner's locks.
type TiedTo string

// An owner always loses its locks when its process exits. Tied to its
// connection, it loses them when that closes as well.
const (
	TiedToConnection TiedTo = "connection"
	TiedToProcess    TiedTo = "process"
)

// Owner is a process that holds locks, with the names it goes by.
type Owner struct {
	// Name is a guest's name, or what a program calls itself.
	Name string `json:"name"`
	// UUID is a guest's UUID in its canonical form of 36 characters. Empty
	// when the owner has none.
	UUID string `json:"uuid,omitempty"`
	// ID is a guest's number in libvirt. 0 when it has none.
	ID uint32 `json:"id,omitempty"`
	// PID is the process whose exit ends the locks.
	PID int `json:"pid"`
	// TiedTo is only ever set by the daemon.
	TiedTo TiedTo `json:"tied_to,omitempty"`
}

// RegisterParams are the params of owner.register. All may be left out.
type RegisterParams struct {
	// Owner says who the locks are for. Name defaults to the name of the
	// process's command and PID to the caller's own. Another PID must be a
	// living process of the caller's uid, unless the caller is root.
	Owner Owner `json:"owner"`
	// TiedTo defaults to TiedToConnection.
	TiedTo TiedTo `json:"tied_to,omitempty"`
	// Claim is the number of an earlier connection, which broke because the
	// daemon ended and through which the caller took locks for itself. They are
	// tied to this connection from now on. It fails with CodeNotFound when
	// nothing is left to claim, as it is after ClaimTime, and with CodeDenied
	// when they are another process's. Owner and TiedTo are then left out.
	Claim uint64 `json:"claim,omitempty"`
}

// ClaimTime is how long a daemon that took over from one that has crashed keeps
// the locks that were tied to a connection.
const ClaimTime = 30 * time.Second

// RegisterResult is the result of owner.register.
type RegisterResult struct {
	// Owner is who the daemon will name as the holder.
	Owner Owner `json:"owner"`
	// Client is the number of this connection.
	Client uint64 `json:"client"`
}

// FenceParams are the params of owner.fence.
type FenceParams struct {
	// PID is the owner's process.
	PID int `json:"pid"`
	// GraceMS is how long the process has to end by itself after SIGTERM, in
	// milliseconds, before SIGKILL. 0 means 10 seconds, a negative number
	// kills at once.
	GraceMS int64 `json:"grace_ms,omitempty"`
	// Reason is why, for the log and the events. It must not be empty.
	Reason string `json:"reason"`
}

// FenceResult is the result of owner.fence: the fencing has begun. How it ends
// is told by an event, EventOwnerFenced or EventOwnerFenceFailed.
type FenceResult struct {
	Owner Owner `json:"owner"`
	// Locks are what the owner held when it began.
	Locks []Lock `json:"locks"`
}

// OwnerInfo is a process that is registered or holds locks.
type OwnerInfo struct {
	// Owner is the name that it goes by: that of its latest connection, or else of
	// its latest hold.
	Owner Owner `json:"owner"`
	// Started is when the process started.
	Started time.Time `json:"started,omitzero"`
	// Clients are the connections that are registered for it now.
	Clients []uint64 `json:"clients"`
	// Locks is how many resources it holds, Waiting how many of its calls wait.
	Locks   int `json:"locks"`
	Waiting int `json:"waiting"`
	// Fencing says that it is being ended by owner.fence.
	Fencing bool `json:"fencing"`
}

// OwnersResult is the result of owner.list: all owners by pid.
type OwnersResult struct {
	Owners []OwnerInfo `json:"owners"`
}
