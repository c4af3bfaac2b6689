// Package peer asks the kernel who is at the other end of a Unix socket.
package peer

import (
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Credentials are who a peer was when it connected (unix(7), SO_PEERCRED).
type Credentials struct{ PID, UID, GID int }

// Of gives the credentials of a connection's peer.
func Of(c *net.UnixConn) (Credentials, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return Credentials{}, err
	}
	var cred *unix.Ucred
	// Inside Control, so that the descriptor cannot be closed and used again
	// meanwhile.
	cerr := raw.Control(func(fd uintptr) {
		cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if cerr != nil {
		return Credentials{}, cerr
	}
	if err != nil {
		return Credentials{}, os.NewSyscallError("getsockopt", err)
	}
	return Credentials{PID: int(cred.Pid), UID: int(cred.Uid), GID: int(cred.Gid)}, nil
}
