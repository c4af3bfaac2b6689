package api

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
}

// RegisterResult is the result of owner.register.
type RegisterResult struct {
	// Owner is who the daemon will name as the holder.
	Owner Owner `json:"owner"`
	// Client is the number of this connection.
	Client uint64 `json:"client"`
}
