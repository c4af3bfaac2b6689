package daemon

import (
	"strconv"

	"virtlock/client/api"
)

// method is a method of the JSON protocol and who may call it.
type method struct {
	access access
	call   func(*conn, *request) error
}

// methods are all there are.
var methods = map[string]method{
	api.OwnerRegister:   {anyone, handle((*Daemon).ownerRegister)},
	api.OwnerRestrict:   {owners, handle((*Daemon).ownerRestrict)},
	api.LockspaceCreate: {anyone, handle((*Daemon).lockspaceCreate)},
	api.LockspaceList:   {anyone, handle((*Daemon).lockspaceList)},
	api.ResourceCreate:  {owners, handle((*Daemon).resourceCreate)},
	api.ResourceDelete:  {owners, handle((*Daemon).resourceDelete)},
	api.LockAcquire:     {owners, (*conn).lockAcquire},
	api.LockRelease:     {owners, handle((*Daemon).lockRelease)},
	api.LockList:        {anyone, handle((*Daemon).lockList)},
	api.LockInspect:     {anyone, handle((*Daemon).lockInspect)},
	api.LockForce:       {anyone, handle((*Daemon).lockForce)},
	api.OwnerFence:      {anyone, handle((*Daemon).ownerFence)},
	api.OwnerList:       {anyone, handle((*Daemon).ownerList)},
	api.ClientList:      {anyone, handle((*Daemon).clientList)},
	api.ClientClose:     {anyone, handle((*Daemon).clientClose)},
	api.DaemonStatus:    {anyone, handle((*Daemon).daemonStatus)},
	api.DaemonReexec:    {anyone, (*conn).daemonReexec},
	api.DaemonReload:    {anyone, handle((*Daemon).daemonReload)},
	api.DaemonLog:       {anyone, handle((*Daemon).daemonLog)},
	api.DaemonLimits:    {anyone, handle((*Daemon).daemonLimits)},
	api.AuditList:       {anyone, handle((*Daemon).auditList)},
	api.EventSubscribe:  {anyone, handle((*Daemon).subscribe)},
}

// access says who may call a method. Whoever is connected has the daemon's own
// uid, and nobody may call anything on a connection that was restricted.
type access int

const (
	anyone access = iota // who is connected
	owners               // who has registered
)

func (a access) check(c *conn) error {
	switch {
	case c.isRestricted():
		return errRestricted
	case a == owners && c.registered() == nil:
		return errNotRegistered
	}
	return nil
}

func quote(s string) string { return strconv.Quote(s) }
