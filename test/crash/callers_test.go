package crash

import (
	"errors"
	"fmt"
	"testing"

	"virtlock/client/api"
	"virtlock/test/bed"
)

// caller is a client of one of the protocols that asks for the locks of a guest.
// Its errors are those of a connection that broke, or *refusal.
type caller interface {
	register(pid int) error
	acquire(locks []api.Resource) error
	release(locks []api.Resource) error
	reexec(lockd *bed.Process) error
}

// refusal is an answer that says no.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }

// answered reports whether there was an answer.
func answered(err error) bool { return err == nil || errors.As(err, new(*refusal)) }

// protocols are the two kinds of callers. Only JSON asks for several locks at once.
var protocols = []struct {
	name  string
	locks int
	dial  func(t *testing.T, h *bed.Host) caller
}{
	{"libvirt", 1, dialRPC},
	{"json", 2, dialJSON},
}

type jsonCaller struct{ *bed.Conn }

func dialJSON(_ *testing.T, h *bed.Host) caller { return jsonCaller{h.Connect()} }

func (c jsonCaller) call(method string, params any) error {
	err := c.Call(method, params, nil)
	switch {
	case err == nil:
		return nil
	case err.Data == nil:
		return errors.New(err.Message)
	}
	return &refusal{err.Message}
}

func (c jsonCaller) register(pid int) error {
	return c.call(api.OwnerRegister, api.RegisterParams{Owner: api.Owner{Name: "b", PID: pid}, TiedTo: api.TiedToProcess})
}

func (c jsonCaller) acquire(locks []api.Resource) error {
	return c.call(api.LockAcquire, api.AcquireParams{Resources: locks})
}

func (c jsonCaller) release(locks []api.Resource) error {
	return c.call(api.LockRelease, api.ReleaseParams{Resources: names(locks)})
}

func (c jsonCaller) reexec(*bed.Process) error { return c.call(api.DaemonReexec, api.Empty{}) }

func names(locks []api.Resource) (list []api.ResourceName) {
	for _, r := range locks {
		list = append(list, api.ResourceName{Lockspace: r.Lockspace, Name: r.Name})
	}
	return list
}

type rpcCaller struct{ *bed.RPC }

func dialRPC(t *testing.T, h *bed.Host) caller {
	conn, err := h.Dial(bed.Socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return rpcCaller{bed.NewRPC(conn)}
}

// refused makes a *refusal of what the daemon has answered.
func refused(err error) error {
	if answer, ok := errors.AsType[*bed.RPCError](err); ok {
		return &refusal{answer.Message}
	}
	return err
}

func (c rpcCaller) register(pid int) error { return refused(c.Register("b", pid)) }

func (c rpcCaller) acquire(locks []api.Resource) error {
	return refused(c.Acquire(locks[0].Lockspace, locks[0].Name, 0))
}

func (c rpcCaller) release(locks []api.Resource) error {
	return refused(c.Release(locks[0].Lockspace, locks[0].Name))
}

// reexec asks by signal: libvirt's protocol has no word for it. Then it waits for
// the end of the connection.
func (c rpcCaller) reexec(lockd *bed.Process) error {
	lockd.Signal(signalReexec)
	lockd.Wait()
	err := c.Register("b", 1)
	if err == nil {
		return errors.New("the connection outlived the daemon")
	}
	return fmt.Errorf("broken: %w", err)
}
