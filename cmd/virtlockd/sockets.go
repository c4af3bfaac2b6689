package main

import (
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// sockets are what the daemon listens on.
type sockets struct {
	main, admin *net.UnixListener // admin may be nil
	bound       []boundSocket     // those that are ours to remove
}

// boundSocket is a socket's file as we made it.
type boundSocket struct {
	path string
	info os.FileInfo
}

// openSockets takes the sockets that systemd passes, or makes those of the paths.
func openSockets(p paths) (*sockets, error) {
	passed, err := takeActivation()
	if passed != nil || err != nil {
		return passed, err
	}
	claim, err := takeClaim(p.Socket)
	if err != nil {
		return nil, err
	}
	defer claim.release()
	s := new(sockets)
	// Both are looked at before one is touched.
	for _, path := range []string{p.Socket, p.AdminSocket} {
		if pid, served := servedBy(path); served {
			return nil, failf(exitSockets, "Failed to bind socket to '%s': %w%s", path, unix.EADDRINUSE, heldBy("served", pid))
		}
	}
	if s.main, err = s.bind(p.Socket); err != nil {
		return nil, err
	}
	if s.admin, err = s.bind(p.AdminSocket); err != nil {
		s.main.Close()
		s.removeBound()
		return nil, err
	}
	return s, nil
}

// maxPath is the longest path of a socket that the kernel takes.
const maxPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// bind makes a socket, in place of whatever file was there. Its mode is 0700 from
// the start, because of the umask.
func (s *sockets) bind(path string) (*net.UnixListener, error) {
	if len(path) > maxPath {
		return nil, failf(exitSockets, "Path %s too long for unix socket: %w", path, unix.ENAMETOOLONG)
	}
	unix.Unlink(path) // if that fails, so does the next step, with the reason
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, failf(exitSockets, "Failed to bind socket to '%s': %w", path, err)
	}
	l.SetUnlinkOnClose(false) // the path may lead to another daemon's by then
	info, err := os.Lstat(path)
	if err != nil {
		l.Close()
		return nil, failf(exitSockets, "Failed to bind socket to '%s': %w", path, err)
	}
	s.bound = append(s.bound, boundSocket{path, info})
	return l, nil
}

// remove removes the files of the sockets, unless somebody has replaced them.
func (s *sockets) remove() {
	if len(s.bound) == 0 {
		return
	}
	claim, err := takeClaim(s.bound[0].path)
	if err != nil {
		return // a file that nobody listens on does no harm
	}
	defer claim.release()
	s.removeBound()
}

// removeBound is remove for who has the claim.
func (s *sockets) removeBound() {
	for _, b := range s.bound {
		there, err := os.Lstat(b.path)
		if err == nil && os.SameFile(b.info, there) {
			unix.Unlink(b.path)
		}
	}
}

// inheritSockets takes the sockets of the former program.
func inheritSockets(left inheritance) (*sockets, error) {
	forgetActivation() // of libvirt's daemon, which has handed them over
	s := new(sockets)
	for name, place := range map[string]**net.UnixListener{"main": &s.main, "admin": &s.admin} {
		l, ours, err := left.Listener(name)
		if err != nil {
			return nil, failf(exitSockets, "cannot go on with the %s socket: %w", name, err)
		}
		*place = l
		if l == nil || !ours {
			continue
		}
		path := l.Addr().String()
		if info, err := os.Lstat(path); err == nil {
			s.bound = append(s.bound, boundSocket{path, info})
		}
	}
	if s.main == nil {
		return nil, failf(exitSockets, "the former program has left no socket")
	}
	return s, nil
}
