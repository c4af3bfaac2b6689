package owner

import (
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Watcher tells when processes exit. One goroutine serves any number of them.
type Watcher struct {
	epoll *os.File
	conn  syscall.RawConn
	done  chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex // guards watched
	watched map[int32]watch
}

type watch struct {
	process *Process
	exited  func()
}

// NewWatcher starts a watcher. The caller has to Close it.
func NewWatcher() (*Watcher, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	// Non-blocking, so that the runtime's own poller waits for it and no
	// thread has to.
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	file := os.NewFile(uintptr(fd), "epoll")
	conn, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return nil, err
	}
	w := &Watcher{epoll: file, conn: conn, done: make(chan struct{}), watched: make(map[int32]watch)}
	go w.run()
	return w, nil
}

// Watch calls exited, once and on the watcher's goroutine, when the process has
// exited; at once if it has already. The process must stay open until then or
// until Forget. exited must not block, or it delays the news of others.
func (w *Watcher) Watch(p *Process, exited func()) error {
	key := int32(p.pidfd)
	w.mu.Lock()
	w.watched[key] = watch{p, exited}
	w.mu.Unlock()
	err := w.control(unix.EPOLL_CTL_ADD, p)
	if err != nil {
		w.Forget(p)
	}
	return err
}

// Forget ends the watch. It reports whether exited was not called and will not
// be.
func (w *Watcher) Forget(p *Process) bool {
	key := int32(p.pidfd)
	w.mu.Lock()
	_, found := w.watched[key]
	delete(w.watched, key)
	w.mu.Unlock()
	if found {
		w.control(unix.EPOLL_CTL_DEL, p) // fails only where Watch did
	}
	return found
}

func (w *Watcher) control(op int, p *Process) error {
	var err error
	cerr := w.conn.Control(func(epfd uintptr) {
		ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT, Fd: int32(p.pidfd)}
		err = unix.EpollCtl(int(epfd), op, p.pidfd, &ev)
	})
	if cerr != nil {
		return cerr
	}
	return os.NewSyscallError("epoll_ctl", err)
}

// Close ends the watcher and waits for its goroutine. Processes still watched
// are forgotten.
func (w *Watcher) Close() error {
	err := w.epoll.Close()
	<-w.done
	return err
}

func (w *Watcher) run() {
	defer close(w.done)
	events := make([]unix.EpollEvent, 128)
	for {
		n := 0
		err := w.conn.Read(func(epfd uintptr) bool {
			n, _ = unix.EpollWait(int(epfd), events, 0)
			return n > 0
		})
		if err != nil {
			return // closed
		}
		for _, ev := range events[:n] {
			w.fire(ev.Fd)
		}
	}
}

func (w *Watcher) fire(pidfd int32) {
	w.mu.Lock()
	found, ok := w.watched[pidfd]
	// The event may be an older one's that was forgotten since and whose
	// descriptor has this number again.
	ok = ok && found.process.Exited()
	if ok {
		delete(w.watched, pidfd)
	}
	w.mu.Unlock()
	if ok {
		found.exited()
	}
}
