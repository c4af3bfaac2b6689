package handover

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Command is how a keeper is started. Its process has to call RunKeeper with
// descriptor 3.
type Command struct {
	Path string
	Args []string // the first one is what ps shows
	Env  []string
}

// KeeperCommand is how a daemon starts a keeper of the program that it runs
// itself, which is found even if its file was replaced or removed. The name is
// what the process is called.
func KeeperCommand(name string) Command {
	return Command{Path: "/proc/self/exe", Args: []string{name, "--keeper"}}
}

// StartKeeper starts a keeper that listens on a socket, and connects to it. A
// socket's file that was left by one that was killed is replaced. It fails when a
// keeper listens there already, and when the new one has not answered within ten
// seconds.
func StartKeeper(socket string, c Command) (*Keeper, error) {
	k, err := startKeeper(socket, c)
	if err != nil {
		return nil, fmt.Errorf("start keeper at %q: %w", socket, err)
	}
	return k, nil
}

func startKeeper(socket string, c Command) (*Keeper, error) {
	listener, err := listen(socket)
	if err != nil {
		return nil, err
	}
	// Connected before there is a keeper: it stays while it has a daemon, and if
	// it ends early the connection does.
	fd, err := connect(socket, silence)
	if err != nil {
		unix.Close(listener)
		os.Remove(socket)
		return nil, err
	}
	pid, pidfd, err := c.start(listener)
	unix.Close(listener)
	if err != nil {
		unix.Close(fd)
		os.Remove(socket)
		return nil, err
	}
	if err := greet(fd, pid); err != nil {
		err = errors.Join(err, endKeeper(pid, pidfd))
		unix.Close(fd)
		unix.Close(pidfd)
		os.Remove(socket)
		return nil, err
	}
	return newClient(fd, pid, pidfd), nil
}

// listen makes the socket that a keeper listens on, for its user alone.
func listen(socket string) (int, error) {
	fd, err := connect(socket, silence)
	if err == nil {
		unix.Close(fd)
		return -1, errors.New("a keeper listens there already")
	}
	if !errors.Is(err, ErrNoKeeper) {
		return -1, err
	}
	if err := removeStale(socket); err != nil {
		return -1, err
	}
	if fd, err = unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0); err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err := bind(fd, socket); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func bind(fd int, socket string) error {
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: socket}); err != nil {
		return os.NewSyscallError("bind", err)
	}
	// Before it listens: until then nobody can connect.
	err := os.Chmod(socket, 0o600)
	if err == nil {
		err = os.NewSyscallError("listen", unix.Listen(fd, backlog))
	}
	if err != nil {
		os.Remove(socket)
	}
	return err
}

// start starts the process, apart from the daemon's: in a session of its own,
// and with nothing of it open but the socket.
func (c *Command) start(listener int) (pid, pidfd int, err error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, -1, err
	}
	defer null.Close()
	pidfd = -1
	pid, err = syscall.ForkExec(c.Path, c.Args, &syscall.ProcAttr{
		Dir: "/", Env: c.Env,
		Files: []uintptr{null.Fd(), null.Fd(), null.Fd(), uintptr(listener)},
		Sys:   &syscall.SysProcAttr{Setsid: true, PidFD: &pidfd},
	})
	if err != nil {
		return 0, -1, &os.PathError{Op: "start", Path: c.Path, Err: err}
	}
	return pid, pidfd, nil
}

// greet takes over from a keeper that has just been started, with nothing.
func greet(fd, pid int) error {
	t := &takeover{fd: fd, in: newInbox()}
	defer t.closeAll()
	err := t.welcome(pid)
	if err == nil {
		err = t.everything(pid)
	}
	if errors.Is(err, ErrNoKeeper) {
		err = ErrKeeperGone // there was one
	}
	return err
}
