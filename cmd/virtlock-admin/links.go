package main

import (
	"sync"

	"virtlock/client"
)

// links are the connections to daemons, by socket. They are kept from command to
// command; the client makes one anew that broke, as when the daemon was restarted.
// A nil *links keeps none.
type links struct {
	mu      sync.Mutex // guards the field that follows; Tab asks beside a command
	clients map[string]*client.Client
}

// client returns the client of a socket, and what to call when it is not needed
// any more.
func (l *links) client(socket string) (c *client.Client, done func()) {
	if l == nil {
		c = &client.Client{Socket: socket}
		return c, func() { _ = c.Close() } // which never fails
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.clients == nil {
		l.clients = make(map[string]*client.Client)
	}
	if l.clients[socket] == nil {
		l.clients[socket] = &client.Client{Socket: socket}
	}
	return l.clients[socket], func() {}
}

// close closes all connections. The next command that needs one makes it anew.
func (l *links) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.clients {
		_ = c.Close()
	}
	l.clients = nil
}
