package handover

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// A daemon that was killed while it started a keeper leaves a socket on which it
// has listened itself. The next one must not take that daemon's pid for the
// keeper's: by then it may be anybody's, and the keeper's is killed at need.
func TestKeeperWhoseDaemonEndedBeforeItRan(t *testing.T) {
	socket := scratch(t, "sock")
	listener, err := listen(socket)
	must(t, err)
	type found struct {
		*Keeper
		err error
	}
	result := make(chan found, 1)
	go func() {
		k, _, err := FindKeeper(socket)
		result <- found{k, err}
	}()
	// It has connected when there is somebody to accept.
	_, err = unix.Poll([]unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}, int(limit.Milliseconds()))
	must(t, err)
	c := command()
	pid, pidfd, err := c.start(listener)
	must(t, err)
	unix.Close(listener)
	unix.Close(pidfd)
	f := <-result
	if errors.Is(f.err, ErrNoKeeper) {
		return // it ended between the two connections, for it keeps nothing
	}
	must(t, f.err)
	equal(t, "the keeper's pid", f.PID(), pid)
	must(t, f.Close())
}
