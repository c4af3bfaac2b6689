package handover

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/daemon/internal/peer"
)

// ErrNoKeeper says that no keeper listens.
var ErrNoKeeper = errors.New("no keeper")

// silence is how long a keeper may say nothing while it hands over.
const silence = 10 * time.Second

// Left is what a keeper has kept for the next daemon.
type Left struct {
	// State has spaces, totals and holds, of which the first one of each lock has
	// its descriptor.
	State *State
	// Ended are the holds whose owners have ended, which the keeper remembers
	// until it is passed their Drop.
	Ended []Hold
	// Complete says that this is all that the daemon had granted: the daemon had
	// not ended while it told a new keeper of what the last one had kept.
	Complete bool
}

// FindKeeper connects to the keeper that a former daemon has left and takes
// everything over. The keeper goes on keeping all of it.
//
// It fails with ErrNoKeeper when none listens. Every other error means that there
// may be one that keeps locks: one whose daemon is alive, or that does not answer.
func FindKeeper(socket string) (*Keeper, *Left, error) {
	k, t, err := findKeeper(socket, silence)
	if err != nil {
		return nil, nil, fmt.Errorf("find keeper at %q: %w", socket, err)
	}
	return k, &Left{&t.state, t.ended, t.complete}, nil
}

func findKeeper(socket string, limit time.Duration) (*Keeper, *takeover, error) {
	k, t, err := findListener(socket, limit, false)
	if errors.Is(err, errFormerListener) {
		return findListener(socket, limit, true)
	}
	return k, t, err
}

// errFormerListener says that the kernel names another process as the keeper than
// it says that it is: whoever called listen(2) when the connection was made. That is
// the daemon which started the keeper and was killed before the keeper ran, and its
// pid may be anybody's by now.
var errFormerListener = errors.New("the connection is older than its keeper")

// findListener is findKeeper on one connection. again says that the keeper has
// listened itself before it was made, so that the kernel is right.
func findListener(socket string, limit time.Duration, again bool) (*Keeper, *takeover, error) {
	fd, err := connect(socket, limit)
	if err != nil {
		return nil, nil, err
	}
	who, err := peer.Of(fd)
	if err == nil && who.UID != os.Geteuid() {
		err = fmt.Errorf("process %d of user %d listens there", who.PID, who.UID)
	}
	t := &takeover{fd: fd, in: newInbox(), again: again}
	pidfd := -1
	if err == nil {
		pidfd, err = t.run(who.PID)
	}
	if err != nil {
		t.closeAll()
		unix.Close(fd)
		return nil, nil, err
	}
	return newClient(fd, who.PID, pidfd), t, nil
}

// connect connects to a keeper's socket. No call on the connection takes longer
// than limit.
func connect(socket string, limit time.Duration) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	setTimeout(fd, unix.SO_SNDTIMEO, limit)
	setTimeout(fd, unix.SO_RCVTIMEO, limit)
	for {
		err = unix.Connect(fd, &unix.SockaddrUnix{Name: socket})
		if err != unix.EINTR {
			break
		}
	}
	switch err {
	case nil:
		return fd, nil
	case unix.ENOENT, unix.ECONNREFUSED:
		err = ErrNoKeeper
	default:
		err = os.NewSyscallError("connect", err)
	}
	unix.Close(fd)
	return -1, err
}

// takeover is what a daemon is told when it connects to a keeper.
type takeover struct {
	fd    int
	in    *inbox
	again bool
	state State
	ended []Hold

	complete bool
}

// run takes over from the keeper with that pid, and gives a pidfd of it.
func (t *takeover) run(pid int) (pidfd int, err error) {
	if err := t.welcome(pid); err != nil {
		return -1, err
	}
	if pidfd, err = unix.PidfdOpen(pid, 0); err != nil {
		return -1, os.NewSyscallError("pidfd_open", err)
	}
	// That the keeper goes on speaking shows that the pid was still its own.
	if err = t.everything(pid); err != nil {
		unix.Close(pidfd)
		return -1, err
	}
	return pidfd, nil
}

// welcome waits to be taken in.
func (t *takeover) welcome(pid int) error {
	for {
		m, fd, err := t.next(pid)
		if err == io.EOF {
			return ErrNoKeeper // it was about to end, with nothing left to keep
		}
		if err != nil {
			return err
		}
		if fd >= 0 {
			unix.Close(fd)
		}
		switch m.Kind {
		case kindWelcome:
			if m.PID != pid && !t.again {
				return errFormerListener
			}
			return nil
		case kindTaken:
			return &TakenError{PID: m.PID}
		}
	}
}

// TakenError says that the keeper has a daemon already, which is alive.
type TakenError struct{ PID int }

func (e *TakenError) Error() string {
	return fmt.Sprintf("another daemon is using it, process %d", e.PID)
}

// everything asks for all that the keeper keeps.
func (t *takeover) everything(pid int) error {
	hello := message{Kind: kindHello, Version: keeperVersion}
	if _, err := unix.SendmsgN(t.fd, hello.append(nil), nil, nil, unix.MSG_NOSIGNAL); err != nil {
		return os.NewSyscallError("sendmsg", err)
	}
	for {
		m, fd, err := t.next(pid)
		if err == io.EOF {
			err = ErrKeeperGone
		}
		if err != nil || m.Kind == kindAll {
			t.complete = m.Number == complete
			return err
		}
		if err := t.add(m, fd); err != nil {
			return err
		}
	}
}

// next is the keeper's next message.
func (t *takeover) next(pid int) (*message, int, error) {
	b, fd, whole, err := t.in.receive(t.fd, 0)
	m := new(message)
	switch {
	case err == unix.EAGAIN:
		err = fmt.Errorf("process %d does not answer", pid)
	case err == nil && !whole:
		err = errors.New("a lock's descriptor was lost: there are too many open files")
	case err == nil:
		err = m.read(b)
	}
	if err != nil && fd >= 0 {
		unix.Close(fd)
	}
	return m, fd, err
}

// add adds what the keeper has said to the state.
func (t *takeover) add(m *message, fd int) error {
	switch m.Kind {
	case kindHold, kindEnded:
		var h Hold
		err := h.read([]byte(m.Hold))
		h.FD = fd // what the record says was another process's
		if m.Kind == kindHold {
			t.state.Holds = append(t.state.Holds, h)
		} else {
			t.ended = append(t.ended, h)
		}
		return err
	case kindChange:
		if m.Change != nil {
			t.state.Totals.Max(m.Change.Totals)
			if m.Change.Space != "" {
				t.state.Spaces = append(t.state.Spaces, m.Change.Space)
			}
		}
	}
	if fd >= 0 {
		unix.Close(fd)
	}
	return nil
}

// closeAll closes the descriptors that have come.
func (t *takeover) closeAll() {
	for _, h := range append(t.state.Holds, t.ended...) {
		if h.FD >= 0 {
			unix.Close(h.FD)
		}
	}
}
