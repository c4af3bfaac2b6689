package client

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

// Names of the daemon's sockets in their directory. The administration socket
// speaks the same protocol and has places of its own, for when the main socket
// has none left.
const (
	MainSocket  = "virtlockd-sock"
	AdminSocket = "virtlockd-admin-sock"
)

// SystemDir is where the daemon of the system has its sockets.
const SystemDir = "/run/libvirt"

// SessionDir is where the daemon of the calling user's session has its sockets:
// where libvirt looks for them. It is not absolute when the environment names
// no place at all.
func SessionDir() string {
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		dir = os.Getenv("XDG_CACHE_HOME")
	}
	if dir == "" {
		dir = filepath.Join(os.Getenv("HOME"), ".cache")
	}
	return filepath.Join(dir, "libvirt")
}

// DefaultSocket is the main socket of the daemon that the calling user's
// libvirt would use: that of the system for root, that of the session for all
// others.
func DefaultSocket() string {
	if os.Geteuid() == 0 {
		return filepath.Join(SystemDir, MainSocket)
	}
	return filepath.Join(SessionDir(), MainSocket)
}

// Address is what a URI of virtlockd says.
type Address struct {
	// Dir is the directory of the sockets. Empty when Socket names one.
	Dir string
	// Socket is the path of the one socket to use, or empty.
	Socket string
}

// ParseURI understands virtlockd:///system and virtlockd:///session, both with
// an optional ?socket=PATH, as virt-admin does. It fails on everything else.
func ParseURI(uri string) (Address, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return Address{}, fmt.Errorf("parse uri: %w", err)
	}
	if u.Scheme != "virtlockd" || u.Opaque != "" || u.Host != "" || u.User != nil || u.Fragment != "" {
		return Address{}, fmt.Errorf("parse uri %q: want virtlockd:///system or virtlockd:///session", uri)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Address{}, fmt.Errorf("parse uri %q: %w", uri, err)
	}
	socket := query.Get("socket")
	if query.Del("socket"); len(query) > 0 {
		return Address{}, fmt.Errorf("parse uri %q: the only parameter is socket", uri)
	}
	switch {
	case u.Path != "/system" && u.Path != "/session":
		return Address{}, fmt.Errorf("parse uri %q: unknown path %q, try %q", uri, u.Path, "/system")
	case socket != "":
		return Address{Socket: socket}, nil
	case u.Path == "/system":
		return Address{Dir: SystemDir}, nil
	}
	return Address{Dir: SessionDir()}, nil
}
