package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// firstFD is the first descriptor that systemd passes, see sd_listen_fds(3).
const firstFD = 3

// The names that systemd gives to the sockets of our units.
const (
	mainName  = "virtlockd.socket"
	adminName = "virtlockd-admin.socket"
)

// takeActivation returns the sockets that systemd passed, or nil if it passed
// none. It removes what told so from the environment.
func takeActivation() (*sockets, error) {
	pid, count, names := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"), os.Getenv("LISTEN_FDNAMES")
	forgetActivation()
	n, err := strconv.Atoi(count)
	if pid != strconv.Itoa(os.Getpid()) || err != nil || n < 1 {
		return nil, nil
	}
	s, err := takeDescriptors(n, names)
	if err != nil {
		return nil, &failure{exitSockets, fmt.Errorf("cannot use the sockets passed by systemd: %w", err)}
	}
	return s, nil
}

// forgetActivation removes what tells of passed sockets: they are ours by now, and
// this process may execute another program.
func forgetActivation() {
	for _, variable := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		os.Unsetenv(variable)
	}
}

// takeDescriptors makes sockets of n descriptors. The names are separated by
// colons; there may be none.
func takeDescriptors(n int, names string) (*sockets, error) {
	list := strings.Split(names, ":")
	if names != "" && len(list) != n {
		return nil, fmt.Errorf("LISTEN_FDNAMES has %d names for %d descriptors", len(list), n)
	}
	s := new(sockets)
	for i := range n {
		fd := firstFD + i
		l, err := listenerOf(fd)
		if err != nil {
			return nil, fmt.Errorf("descriptor %d: %w", fd, err)
		}
		name := nameByPath(l.Addr().String())
		if names != "" {
			name = list[i]
		}
		if err := s.claimPassed(l, name); err != nil {
			return nil, fmt.Errorf("descriptor %d: %w", fd, err)
		}
	}
	if s.main == nil {
		return nil, fmt.Errorf("there is no %s among them", mainName)
	}
	return s, nil
}

// claimPassed puts a socket in its place.
func (s *sockets) claimPassed(l *net.UnixListener, name string) error {
	place := &s.main
	switch name {
	case mainName:
	case adminName:
		place = &s.admin
	default:
		return fmt.Errorf("its name %q is neither %s nor %s", name, mainName, adminName)
	}
	if *place != nil {
		return fmt.Errorf("it is a second %s", name)
	}
	*place = l
	return nil
}

// nameByPath returns the name of a socket that came without one.
func nameByPath(path string) string {
	switch {
	case strings.HasSuffix(path, "-admin-sock"):
		return adminName
	case strings.HasSuffix(path, "-sock"):
		return mainName
	}
	return path
}

// listenerOf makes a listener of a descriptor.
func listenerOf(fd int) (*net.UnixListener, error) {
	listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	switch {
	case err != nil:
		return nil, err
	case listening == 0:
		return nil, errors.New("the socket does not listen")
	}
	unix.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), "socket")
	defer f.Close() // the listener has a duplicate
	l, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	u, ok := l.(*net.UnixListener)
	if !ok || u.Addr().Network() != "unix" {
		return nil, errors.New("it is no UNIX stream socket")
	}
	u.SetUnlinkOnClose(false) // its file is systemd's
	return u, nil
}
