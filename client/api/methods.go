// Package api is the vocabulary of virtlockd's JSON protocol: the names of its
// methods, what they take and return, and the stable codes of its errors.
//
// It is declared once, here, and imports nothing but time, so that daemon and client
// cannot disagree. virtlock-protocol(7) describes the same protocol for those
// who write a client in another language; fields are only ever added.
package api

// Version is the version of the JSON protocol, as daemon.status reports it.
const Version = 1

// MaxLine is the most bytes one request may take, its newline included. What
// the daemon sends may be longer: the list of all locks is one line.
const MaxLine = 1 << 20

// Methods a client may call.
const (
	OwnerRegister   = "owner.register"
	OwnerRestrict   = "owner.restrict"
	LockspaceCreate = "lockspace.create"
	LockspaceList   = "lockspace.list"
	ResourceCreate  = "resource.create"
	ResourceDelete  = "resource.delete"
	LockAcquire     = "lock.acquire"
	LockRelease     = "lock.release"
	LockList        = "lock.list"
	LockInspect     = "lock.inspect"
	OwnerFence      = "owner.fence"
	OwnerList       = "owner.list"
	ClientList      = "client.list"
	DaemonStatus    = "daemon.status"
	DaemonReexec    = "daemon.reexec"
	DaemonReload    = "daemon.reload"
	DaemonLog       = "daemon.log"
	DaemonLimits    = "daemon.limits"
	ClientClose     = "client.close"
	LockForce       = "lock.force_release"
	AuditList       = "audit.list"
	EventSubscribe  = "event.subscribe"
)

// EventNotification is the method of the notifications that carry events.
const EventNotification = "event"

// Empty is the params or the result of a method that has none.
type Empty struct{}
