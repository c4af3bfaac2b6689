package client_test

import (
	"errors"
	"os"
	"testing"

	"virtlock/client"
	"virtlock/client/api"
	"virtlock/daemon"
	"virtlock/daemon/daemontest"
)

func TestStatusCounts(t *testing.T) {
	d := daemontest.Start(t)
	c := d.Client(t)
	acquire(t, c, newDisk(t, "a"))
	status, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if status.Protocol != api.Version || status.PID != os.Getpid() || status.Socket != d.Socket {
		t.Errorf("Status = %+v", status)
	}
	if status.Locks != 1 || status.Granted != 1 || status.Clients != 1 {
		t.Errorf("Status = %+v, want one of each", status)
	}
}

func TestClients(t *testing.T) {
	d := daemontest.Start(t)
	c := d.Client(t)
	c.Owner.Name = "web01"
	registered, err := c.Register(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	clients, err := c.Clients(t.Context())
	if err != nil || len(clients) != 1 {
		t.Fatalf("Clients = %+v, %v", clients, err)
	}
	us := clients[0]
	if us.ID != registered.Client || us.PID != os.Getpid() || us.Owner == nil || us.Owner.Name != "web01" {
		t.Errorf("Clients = %+v", us)
	}
}

func TestFullDaemon(t *testing.T) {
	d := daemontest.StartWith(t, func(config *daemon.Config) { config.Settings.MaxClients = 1 })
	if _, err := d.Client(t).Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Client(t).Status(t.Context()); !errors.Is(err, client.ErrLimit) {
		t.Errorf("Status above max_clients = %v, want ErrLimit", err)
	}
	admin := &client.Client{Socket: d.AdminSocket}
	defer admin.Close()
	if _, err := admin.Status(t.Context()); err != nil {
		t.Errorf("Status on the administration socket = %v", err)
	}
}
