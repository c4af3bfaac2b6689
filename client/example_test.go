package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"virtlock/client"
	"virtlock/client/api"
	"virtlock/daemon"
)

// exampleDaemon stands for the daemon that runs anyway. It returns clients of
// it, an image, and what ends it.
func exampleDaemon() (newClient func(owner string) *client.Client, image string, end func()) {
	dir, err := os.MkdirTemp("", "example")
	check(err)
	image = filepath.Join(dir, "web01.raw")
	check(os.WriteFile(image, nil, 0o600))
	socket := filepath.Join(dir, "sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	check(err)
	d, err := daemon.New(daemon.Config{Listener: l, Settings: daemon.DefaultSettings()})
	check(err)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- d.Serve(ctx) }()
	newClient = func(owner string) *client.Client {
		return &client.Client{Socket: socket, Owner: api.Owner{Name: owner}}
	}
	end = func() {
		cancel()
		check(<-served)
		check(os.RemoveAll(dir))
	}
	return newClient, image, end
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func ExampleClient_Acquire() {
	newClient, image, end := exampleDaemon()
	defer end()
	ctx := context.Background()

	guest := newClient("web01") // &client.Client{} asks the daemon of the calling user
	defer guest.Close()
	held, err := guest.Acquire(ctx, 0, api.Resource{Name: image})
	if err != nil {
		fmt.Println(err)
		return
	}

	backup := newClient("backup")
	defer backup.Close()
	_, err = backup.Acquire(ctx, 10*time.Millisecond, api.Resource{Name: image, Mode: api.Shared})
	var refusal *client.Error
	if errors.Is(err, client.ErrBusy) && errors.As(err, &refusal) {
		fmt.Println("held by", refusal.Holders[0].Owner.Name)
	}

	fmt.Println("released:", held.Release(ctx))
	held, err = backup.Acquire(ctx, 0, api.Resource{Name: image, Mode: api.Shared})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(held.Locks()[0].Mode)
	// Output:
	// held by web01
	// released: <nil>
	// shared
}

func ExampleHeld_Lost() {
	newClient, image, end := exampleDaemon()
	defer end()
	ctx := context.Background()
	c := newClient("web01")
	defer c.Close()
	var connection net.Conn
	c.Dial = func(context.Context) (_ net.Conn, err error) {
		connection, err = net.Dial("unix", c.Socket)
		return connection, err
	}
	held, err := c.Acquire(ctx, 0, api.Resource{Name: image})
	check(err)

	connection.Close() // and with it goes the lock

	<-held.Lost()
	fmt.Println(errors.Is(held.Release(ctx), client.ErrLost))
	// Output: true
}

func ExampleClient_Locks() {
	newClient, image, end := exampleDaemon()
	defer end()
	ctx := context.Background()
	c := newClient("web01")
	defer c.Close()
	_, err := c.Acquire(ctx, 0, api.Resource{Name: image})
	check(err)

	locks, err := c.Locks(ctx, api.LockFilter{Name: "*.raw"})
	check(err)
	for _, lock := range locks {
		for _, holder := range lock.Holders {
			fmt.Println(filepath.Base(lock.Name), lock.Mode, holder.Owner.Name)
		}
	}
	// Output: web01.raw exclusive web01
}

func ExampleClient_Subscribe() {
	newClient, image, end := exampleDaemon()
	defer end()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c := newClient("web01")
	defer c.Close()

	events, err := c.Subscribe(ctx, "lock.*")
	check(err)
	defer events.Close()
	held, err := c.Acquire(ctx, 0, api.Resource{Name: image})
	check(err)
	check(held.Release(ctx))

	for event, err := range events.All() {
		check(err)
		fmt.Println(event.Type, "by", event.Owner.Name)
		if event.Type == api.EventLockReleased {
			break
		}
	}
	// Output:
	// lock.acquired by web01
	// lock.released by web01
}

func ExampleUnreachableError() {
	c := client.Client{Socket: "/run/nobody/listens"}
	_, err := c.Status(context.Background())
	var unreachable *client.UnreachableError
	if errors.As(err, &unreachable) {
		fmt.Println(err)
		fmt.Println(unreachable.Hint())
	}
	// Output:
	// connect to "/run/nobody/listens": no such file or directory
	// is virtlockd running? It may also listen on another socket
}
