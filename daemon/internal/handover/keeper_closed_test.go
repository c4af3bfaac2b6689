package handover

import (
	"testing"

	"golang.org/x/sys/unix"
)

// The number of a connection that is closed is soon another's. A call that comes
// too late must not send a lock's descriptor to whoever that is.
func TestCallAfterTheKeeperWasKilled(t *testing.T) {
	k, _ := keep(t)
	fd := k.FD()
	must(t, k.Kill())
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	must(t, err)
	defer unix.Close(pair[1])
	if pair[0] != fd {
		must(t, unix.Dup3(pair[0], fd, 0))
		unix.Close(pair[0])
	}
	defer unix.Close(fd)
	wantErr(t, k.Pass(Change{Drop: 1}), ErrKeeperGone)
	_, err = k.Ask()
	wantErr(t, err, ErrKeeperGone)
	if n, err := unix.Read(pair[1], make([]byte, 100)); err != unix.EAGAIN {
		t.Errorf("another connection got %d bytes, %v", n, err)
	}
}
