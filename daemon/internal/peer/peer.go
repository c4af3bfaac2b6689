// Package peer asks the kernel who is at the other end of a Unix socket.
package peer

import (
	"os"

	"golang.org/x/sys/unix"
)

// Credentials are who a peer was when it connected (unix(7), SO_PEERCRED).
type Credentials struct{ PID, UID, GID int }

// Of gives the credentials of the peer of a connected socket, which has to stay
// open meanwhile.
func Of(fd int) (Credentials, error) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return Credentials{}, os.NewSyscallError("getsockopt", err)
	}
	return Credentials{PID: int(cred.Pid), UID: int(cred.Uid), GID: int(cred.Gid)}, nil
}
