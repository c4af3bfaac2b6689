package daemon

import (
	"errors"

	"virtlock/daemon/internal/lockspace"
	"virtlock/daemon/internal/virnet"
)

// lockProgram is what libvirt's lock driver calls.
var lockProgram = program{virnet.ProgramLock, longestLockCall, map[int32]func(*conn, virnet.Header, []byte) (virnet.Payload, error){
	virnet.ProcRegister:        rpcRegister,
	virnet.ProcRestrict:        rpcRestrict,
	virnet.ProcNew:             rpcNew,
	virnet.ProcCreateResource:  rpcCreateResource,
	virnet.ProcDeleteResource:  rpcDeleteResource,
	virnet.ProcAcquire:         rpcAcquire,
	virnet.ProcRelease:         rpcRelease,
	virnet.ProcCreateLockspace: rpcCreateLockspace,
}}

// admit checks a call in libvirt's order: its flags, then whether the
// connection may make it. unknown are the flags that the procedure lacks.
func (c *conn) admit(a access, call virnet.Header, unknown uint32) error {
	if unknown != 0 {
		return virnet.UnsupportedFlags(call, unknown)
	}
	return a.check(c)
}

func rpcRegister(c *conn, call virnet.Header, payload []byte) (virnet.Payload, error) {
	var a virnet.Register
	if a.Decode(payload) != nil {
		return nil, virnet.UndecodablePayload()
	}
	if err := c.admit(anyone, call, a.Flags); err != nil {
		return nil, err
	}
	if a.ID == 0 { // libvirt's word for "nobody"
		return nil, errNotRegistered
	}
	return nil, c.registerAs(&lockspace.Identity{
		// Not refused as JSON's are: libvirt takes any name for a guest, and a
		// guest's start must not fail because of how it is called.
		Name: ownerName(a.Name),
		UUID: uuidText(a.UUID),
		ID:   a.ID,
		PID:  int(a.PID),
	}, false)
}

func rpcRestrict(c *conn, call virnet.Header, payload []byte) (virnet.Payload, error) {
	var a virnet.Restrict
	if a.Decode(payload) != nil {
		return nil, virnet.UndecodablePayload()
	}
	if err := c.admit(owners, call, a.Flags); err != nil {
		return nil, err
	}
	c.restrict()
	return nil, nil
}

func rpcNew(c *conn, call virnet.Header, payload []byte) (virnet.Payload, error) {
	var a virnet.New
	if a.Decode(payload) != nil {
		return nil, virnet.UndecodablePayload()
	}
	if err := c.admit(owners, call, a.Flags); err != nil {
		return nil, err
	}
	return nil, c.createSpace(a.Path)
}

// rpcCreateLockspace needs no registration: libvirtd calls it when it starts.
func rpcCreateLockspace(c *conn, call virnet.Header, payload []byte) (virnet.Payload, error) {
	var a virnet.CreateLockspace
	if a.Decode(payload) != nil {
		return nil, virnet.UndecodablePayload()
	}
	if err := c.admit(anyone, call, 0); err != nil {
		return nil, err
	}
	return nil, c.ensureSpace(a.Path)
}

// resource decodes and admits a call that names a resource. known are the flags
// of the procedure.
func (c *conn) resource(call virnet.Header, payload []byte, known uint32) (virnet.Resource, lockspace.Name, error) {
	var a virnet.Resource
	if a.Decode(payload) != nil {
		return a, lockspace.Name{}, virnet.UndecodablePayload()
	}
	return a, lockspace.Name{Space: a.Path, Name: a.Name}, c.admit(owners, call, a.Flags&^known)
}

func rpcCreateResource(c *conn, call virnet.Header, payload []byte) (virnet.Payload, error) {
	_, name, err := c.resource(call, payload, 0)
	if err != nil {
		return nil, err
	}
	return nil, rpcCreateError(c.daemon.table.CreateResource(name))
}

func rpcDeleteResource(c *conn, call virnet.Header, payload []byte) (virnet.Payload, error) {
	_, name, err := c.resource(call, payload, 0)
	if err != nil {
		return nil, err
	}
	return nil, rpcDeleteError(c.daemon.table.DeleteResource(c.ctx, name))
}

func rpcAcquire(c *conn, call virnet.Header, payload []byte) (virnet.Payload, error) {
	a, name, err := c.resource(call, payload, virnet.AcquireShared|virnet.AcquireAutocreate)
	if err != nil {
		return nil, err
	}
	r := lockspace.Request{Name: name, Autocreate: a.Flags&virnet.AcquireAutocreate != 0}
	if a.Flags&virnet.AcquireShared != 0 {
		r.Mode = lockspace.Shared
	}
	holder := c.registered().holder
	if c.daemon.renew(holder.Owner, r) {
		return nil, nil
	}
	_, err = c.daemon.table.Acquire(c.ctx, holder, []lockspace.Request{r}, lockspace.Options{Overtake: true})
	return nil, err
}

func rpcRelease(c *conn, call virnet.Header, payload []byte) (virnet.Payload, error) {
	_, name, err := c.resource(call, payload, 0)
	if err != nil {
		return nil, err
	}
	holder := c.registered().holder
	_, err = c.daemon.release(c.ctx, holder, []lockspace.Name{name})
	var notHolder *lockspace.NotHolderError
	if errors.As(err, &notHolder) {
		err = virnet.Errorf(virnet.CodeInternalError, virnet.DomainLockspace, "owner %d does not hold the resource lock", holder.Identity.PID)
	}
	return nil, err
}
