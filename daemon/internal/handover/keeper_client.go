package handover

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Keeper is the daemon's side of its keeper: a connection to a process that keeps
// duplicates of the locks' descriptors for as long as the locks' owners live.
type Keeper struct {
	// using is held for reading by who sends, and for writing to close fd: its
	// number is soon another's, a client's say.
	using  sync.RWMutex
	closed bool

	fd, pid, pidfd int
	patience       time.Duration // how long it may hold up a caller

	gone    chan struct{} // closed when the goroutine that reads has ended
	answers chan message  // to Ask; has room for the latest

	asking sync.Mutex // held by one Ask at a time; guards asked
	asked  uint64
}

// ErrKeeperGone says that the keeper's end of the connection is closed: it has
// ended, or was killed.
var ErrKeeperGone = errors.New("the keeper is gone")

// patience is how long a keeper may take for one thing.
const patience = 5 * time.Second

// queueSize is how much may be under way to the keeper. The kernel counts what a
// message costs itself, and doubles the size for that: it is some two thousand.
const queueSize = 1 << 20

// newClient makes a Keeper of a connection, and owns both descriptors from then
// on.
func newClient(fd, pid, pidfd int) *Keeper {
	k := &Keeper{fd: fd, pid: pid, pidfd: pidfd, gone: make(chan struct{}), answers: make(chan message, 1)}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, queueSize) != nil {
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, queueSize) // as much as anybody may have
	}
	k.setPatience(patience)
	setTimeout(fd, unix.SO_RCVTIMEO, 0)
	go k.read()
	return k
}

func (k *Keeper) setPatience(d time.Duration) {
	k.patience = d
	setTimeout(k.fd, unix.SO_SNDTIMEO, d)
}

// setTimeout bounds how long a call on a socket may wait; 0 is for ever.
func setTimeout(fd, option int, d time.Duration) {
	limit := unix.NsecToTimeval(int64(d))
	unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, option, &limit) // cannot fail on a socket
}

// FD is the connection, for a program that is executed in this one's place and
// goes on with ResumeKeeper.
func (k *Keeper) FD() int { return k.fd }

// PID is the keeper's process.
func (k *Keeper) PID() int { return k.pid }

// Gone is closed when the keeper's end of the connection is.
func (k *Keeper) Gone() <-chan struct{} { return k.gone }

// read takes the keeper's answers to who waits for them, until it is gone.
func (k *Keeper) read() {
	defer close(k.gone)
	in := newInbox()
	for {
		b, fd, _, err := in.receive(k.fd, 0)
		if err != nil {
			return
		}
		if fd >= 0 {
			unix.Close(fd) // nobody asked for it
		}
		var m message
		if m.read(b) != nil || m.Kind != kindKept {
			continue
		}
		select {
		case <-k.answers: // to a question that was given up
		default:
		}
		k.answers <- m // has room, as nobody else puts anything in
	}
}

// Ask asks the keeper what it keeps. It answers when it has heard of all that was
// passed before. Ask fails with ErrKeeperGone, or when there is no answer within
// five seconds.
func (k *Keeper) Ask() (Kept, error) {
	k.asking.Lock()
	defer k.asking.Unlock()
	k.asked++
	if err := k.tell(&message{Kind: kindAsk, Number: k.asked}); err != nil {
		return Kept{}, err
	}
	late := time.NewTimer(k.patience)
	defer late.Stop()
	for {
		select {
		case m := <-k.answers:
			if m.Number == k.asked && m.Kept != nil {
				return *m.Kept, nil
			}
		case <-k.gone:
			return Kept{}, fmt.Errorf("ask the keeper: %w", ErrKeeperGone)
		case <-late.C:
			return Kept{}, fmt.Errorf("ask the keeper: process %d has not answered for %v", k.pid, k.patience)
		}
	}
}

// Close closes the connection: the daemon leaves, and the keeper stays while it
// has a lock to keep. Calls that are under way, and later ones, fail with
// ErrKeeperGone, but for Close, LetGo and Kill, which are called once.
func (k *Keeper) Close() error {
	unix.Shutdown(k.fd, unix.SHUT_RDWR) // wakes the goroutine, and who sends
	<-k.gone
	k.reap()
	k.using.Lock()
	defer k.using.Unlock()
	k.closed = true
	err := unix.Close(k.fd)
	if k.pidfd >= 0 {
		unix.Close(k.pidfd)
	}
	return os.NewSyscallError("close", err)
}

// ResumeKeeper goes on with the connection to a keeper that the program had
// before it was executed anew: what FD and PID said then. It fails with
// ErrKeeperGone when the keeper is gone meanwhile; where it fails for another
// reason, as without a free descriptor, the keeper is told to end.
func ResumeKeeper(fd, pid int) (*Keeper, error) {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil || kind != unix.SOCK_SEQPACKET {
		return nil, fmt.Errorf("resume the keeper: descriptor %d is not its connection", fd)
	}
	unix.CloseOnExec(fd)
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err == unix.ESRCH {
		err = ErrKeeperGone
	}
	if err != nil {
		k := newClient(fd, pid, -1)
		k.tell(&message{Kind: kindLetGo}) // or it would be in another's way
		k.Close()
		return nil, fmt.Errorf("resume the keeper: pidfd_open: %w", err)
	}
	// The pid is the keeper's for as long as it has its end of the connection.
	if hungUp(fd) {
		reapChild(pid, pidfd)
		unix.Close(pidfd)
		unix.Close(fd)
		return nil, fmt.Errorf("resume the keeper: %w", ErrKeeperGone)
	}
	return newClient(fd, pid, pidfd), nil
}

// hungUp reports whether the other end of a connection is closed.
func hungUp(fd int) bool {
	fds := []unix.PollFd{{Fd: int32(fd)}}
	for {
		_, err := unix.Poll(fds, 0)
		if err != unix.EINTR {
			return err != nil || fds[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0
		}
	}
}
