package api

import "time"

// Mode is how a lock may be held beside others.
type Mode string

// The modes of a lock.
const (
	Exclusive Mode = "exclusive"
	Shared    Mode = "shared"
)

// Lock is a resource that is held.
type Lock struct {
	// Lockspace is the directory of the resource's lockspace; empty for the
	// direct one, whose resources are files named by their absolute path.
	Lockspace string `json:"lockspace"`
	Name      string `json:"name"`
	// Path is the file that the kernel's lock is on.
	Path       string `json:"path"`
	Mode       Mode   `json:"mode"`
	Autocreate bool   `json:"autocreate"`
	// Device is the file's device as MAJOR:MINOR, both decimal: that of the
	// file system, or for a block device its own.
	Device string `json:"device"`
	Inode  uint64 `json:"inode"`
	// Holders are in the order in which they came. Who holds a shared lock
	// twice is here twice.
	Holders []Holder `json:"holders"`
	// MoreHolders is how many there are beside Holders, where not all are
	// named: after lock.release.
	MoreHolders int `json:"more_holders,omitempty"`
}

// Holder is one hold on a lock.
type Holder struct {
	Owner Owner `json:"owner"`
	// Client is the connection that took the lock. It may be closed by now.
	Client uint64    `json:"client"`
	Since  time.Time `json:"since,omitzero"`
	// The rest is set in errors only. Lockspace, Name and Mode say through
	// which name of the file, and how, it is held.
	Lockspace *string `json:"lockspace,omitempty"`
	Name      string  `json:"name,omitempty"`
	Mode      Mode    `json:"mode,omitempty"`
	// Foreign is set when the kernel refused: a program that did not ask this
	// daemon holds a lock on the file. Owner.PID is 0 where the kernel does
	// not tell which.
	Foreign bool `json:"foreign,omitempty"`
}

// Resource names what to lock, and how.
type Resource struct {
	Lockspace string `json:"lockspace"`
	Name      string `json:"name"`
	// Mode defaults to Exclusive.
	Mode Mode `json:"mode,omitempty"`
	// Autocreate makes the file when it is missing, and removes it with the
	// last release.
	Autocreate bool `json:"autocreate,omitempty"`
}

// AcquireParams are the params of lock.acquire.
type AcquireParams struct {
	// Resources are taken all or none. At most MaxResources.
	Resources []Resource `json:"resources"`
	// WaitMS is how long to wait for all of them, in milliseconds. 0 tries
	// once, a negative number waits for ever.
	WaitMS int64 `json:"wait_ms,omitempty"`
}

// MaxResources is the most resources that one call may name.
const MaxResources = 1024

// LocksResult is the result of lock.acquire, lock.release and lock.list.
type LocksResult struct {
	// Locks are in the order asked for (lock.acquire, lock.release) or by
	// lockspace and name (lock.list). lock.acquire names only the hold that was
	// granted, and lock.release at most 16 that are left.
	Locks []Lock `json:"locks"`
}

// ResourceName names a resource.
type ResourceName struct {
	Lockspace string `json:"lockspace"`
	Name      string `json:"name"`
}

// ReleaseParams are the params of lock.release.
type ReleaseParams struct {
	// Resources are given back all or none. At most MaxResources.
	Resources []ResourceName `json:"resources"`
}

// LockFilter is the params of lock.list. What is left out matches all.
type LockFilter struct {
	Lockspace *string `json:"lockspace,omitempty"`
	// Name is a glob pattern; * matches slashes too.
	Name string `json:"name,omitempty"`
	// Owner is a glob pattern for the owner's name, or its UUID, or its pid.
	Owner string `json:"owner,omitempty"`
	Mode  Mode   `json:"mode,omitempty"`
}

// InspectResult is the result of lock.inspect.
type InspectResult struct {
	Lock Lock `json:"lock"`
	// Aliases are other names under which the same file is held.
	Aliases []Lock `json:"aliases"`
	// Waiters are those who wait for it, in the order in which they will get it.
	Waiters []Waiter `json:"waiters"`
}

// Waiter is a call of lock.acquire that waits.
type Waiter struct {
	Owner  Owner     `json:"owner"`
	Client uint64    `json:"client"`
	Since  time.Time `json:"since"`
	Mode   Mode      `json:"mode"`
}
