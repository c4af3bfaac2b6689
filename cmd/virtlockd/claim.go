package main

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// claimTime is how long a start waits for another one on the same sockets.
const claimTime = 5 * time.Second

// claim is held while sockets are made or removed: between the look at who
// listens on a path and the call that takes the path, no other daemon of ours may
// do the same. It is a lock on a file beside the sockets. The file stays, for a
// lock on a file that gets removed guards nothing.
type claim struct{ file *os.File }

// takeClaim takes the claim for a socket, and waits for it if needed.
func takeClaim(socket string) (*claim, error) {
	path := socket + ".lock"
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, failf(exitSockets, "Failed to open lock file '%s': %w", path, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), claimTime)
	defer cancel()
	for {
		_, err := lockFirstByte(f, unix.F_OFD_SETLK)
		if err == nil {
			return &claim{f}, nil
		}
		if !errors.Is(err, unix.EAGAIN) || !pause(ctx, 10*time.Millisecond) {
			f.Close()
			return nil, failf(exitSockets, "Failed to lock file '%s': %w (another daemon starts on these sockets)", path, err)
		}
	}
}

func (c *claim) release() { c.file.Close() }

// pause waits, and reports whether there is time left.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// servedBy reports whether somebody listens on a socket, and the PID of who does,
// if it can be known. A process that listens for somebody else, as systemd does,
// counts. It does not matter which program it is, nor whether it answers.
func servedBy(path string) (pid int, served bool) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return 0, false
	}
	defer unix.Close(fd)
	switch unix.Connect(fd, &unix.SockaddrUnix{Name: path}) {
	case nil:
		if cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(cred.Pid)
		}
		return pid, true
	case unix.EAGAIN, unix.EPROTOTYPE: // its queue is full; it is a datagram socket
		return 0, true
	}
	return 0, false
}
