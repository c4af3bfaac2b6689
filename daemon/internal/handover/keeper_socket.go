package handover

import (
	"encoding/binary"
	"io"

	"golang.org/x/sys/unix"
)

// rights makes the control message that passes one descriptor (cmsg(3)), for
// setRight to fill in.
func rights() []byte { return unix.UnixRights(-1) }

func setRight(control []byte, fd int) {
	binary.NativeEndian.PutUint32(control[unix.CmsgLen(0):], uint32(fd))
}

// inbox is where a message is received.
type inbox struct {
	room    [maxRecord]byte
	control []byte
}

// newInbox makes one with room for one descriptor: the kernel drops what is sent
// beyond that.
func newInbox() *inbox { return &inbox{control: make([]byte, unix.CmsgLen(4))} }

// receive receives the next message, and its descriptor or -1. A message that
// was cut short, or has lost its descriptor, is told by whole. At the end of the
// connection it fails with io.EOF.
func (in *inbox) receive(fd, flags int) (b []byte, passed int, whole bool, err error) {
	for {
		n, controls, got, _, err := unix.Recvmsg(fd, in.room[:], in.control, flags|unix.MSG_CMSG_CLOEXEC)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.ECONNRESET:
			// The other end closed before it had read everything. What it had
			// sent before is still to be had.
			continue
		case err != nil:
			return nil, -1, false, err
		}
		passed = descriptorIn(in.control[:controls])
		if n == 0 && passed < 0 {
			return nil, -1, false, io.EOF
		}
		return in.room[:n], passed, got&(unix.MSG_TRUNC|unix.MSG_CTRUNC) == 0, nil
	}
}

// descriptorIn is the descriptor of a control message, -1 without one.
func descriptorIn(control []byte) int {
	if len(control) < unix.CmsgLen(4) {
		return -1
	}
	head, data, _, err := unix.ParseOneSocketControlMessage(control)
	if err != nil || head.Level != unix.SOL_SOCKET || head.Type != unix.SCM_RIGHTS || len(data) < 4 {
		return -1
	}
	return int(int32(binary.NativeEndian.Uint32(data)))
}
