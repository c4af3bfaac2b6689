package daemon

import (
	"context"
	"errors"
	"testing"

	"virtlock/daemon/internal/virnet"
)

// crowd is a daemon with clients that nobody serves.
type crowd struct{ *Daemon }

func newCrowd() crowd {
	return crowd{&Daemon{main: newSlots(mainSocket, 1), admin: newSlots(adminSocket, 1), clients: newClients()}}
}

func (d crowd) add(s *slots) *conn {
	c := &conn{daemon: d.Daemon, slots: s}
	c.ctx, c.end = context.WithCancel(context.Background())
	d.clients.add(c)
	return c
}

// list asks for the clients of the main socket.
func (d crowd) list(results bool) (virnet.ClientsResult, error) {
	args := &virnet.ListClientsArgs{Server: "virtlockd", NeedResults: results}
	r, err := adminListClients(d.add(d.admin), virnet.Header{}, args)
	if err != nil {
		return virnet.ClientsResult{}, err
	}
	return r.(virnet.ClientsResult), nil
}

// TestAdminListTooLong demands an error where the answer would break the limit
// of the protocol: virt-admin could not decode it.
func TestAdminListTooLong(t *testing.T) {
	d := newCrowd()
	for range virnet.MaxClients {
		d.add(d.main)
	}
	if r, err := d.list(true); err != nil || len(r.Clients) != virnet.MaxClients || r.Total != virnet.MaxClients {
		t.Errorf("as many as allowed: %d, %v", len(r.Clients), err)
	}
	d.add(d.main)
	var failure *virnet.Error
	if _, err := d.list(true); !errors.As(err, &failure) || failure.Code != virnet.CodeInternalError {
		t.Errorf("one more: %v", err)
	}
	if r, err := d.list(false); err != nil || r.Total != virnet.MaxClients+1 {
		t.Errorf("only their number: %d, %v", r.Total, err)
	}
}

// TestAdminListWithoutEnding demands that a client is gone for who asks after
// its end was answered, however long it takes to clean up behind it.
func TestAdminListWithoutEnding(t *testing.T) {
	d := newCrowd()
	stays, closed, closes := d.add(d.main), d.add(d.main), d.add(d.main)
	closed.end()
	if _, err := adminConnectClose(closes, virnet.Header{}, nil); !errors.Is(err, errClosing) {
		t.Error(err)
	}
	r, err := d.list(true)
	if err != nil || len(r.Clients) != 1 || r.Clients[0].ID != stays.id {
		t.Errorf("%v, %v", r.Clients, err)
	}
	if c := d.clientOf(d.main, closed.id); c != nil {
		t.Errorf("client %d is found", c.id)
	}
}
