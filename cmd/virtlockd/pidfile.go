package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// pidFile is a PID file that this process holds. The lock on it is a POSIX one,
// like that of libvirt's daemon, so that the two exclude each other; the kernel
// drops it when this process closes any descriptor of the file, so nothing else
// may open it.
type pidFile struct {
	path string
	file *os.File
}

// acquirePIDFile locks a PID file, creating it if needed, and writes the PID to
// it. An empty path means that there is none.
func acquirePIDFile(path string) (*pidFile, error) {
	if path == "" {
		return nil, nil
	}
	for {
		p, err := openPIDFile(path)
		if p != nil || err != nil {
			return p, err
		}
	}
}

// openPIDFile returns nil if the file was replaced before it was locked.
func openPIDFile(path string) (*pidFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, failf(exitUsage, "Failed to open pid file '%s': %w", path, err)
	}
	p := &pidFile{path, f}
	if err := p.lock(); err != nil {
		f.Close()
		return nil, err
	}
	if !p.isOurs() {
		f.Close()
		return nil, nil
	}
	if err := p.write(); err != nil {
		p.release()
		return nil, failf(exitUsage, "Failed to write to pid file '%s': %w", path, err)
	}
	return p, nil
}

func (p *pidFile) lock() error {
	_, err := lockFirstByte(p.file, unix.F_SETLK)
	switch {
	case errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES):
		holder, _ := lockFirstByte(p.file, unix.F_GETLK)
		return failf(exitUsage, "Failed to acquire pid file '%s': %w%s", p.path, unix.EAGAIN, heldBy("held", int(holder.Pid)))
	case err != nil:
		return failf(exitUsage, "Failed to acquire pid file '%s': %w", p.path, err)
	}
	return nil
}

// write writes the PID. The mode does not depend on the umask: everybody may
// know the PID.
func (p *pidFile) write() error {
	return errors.Join(
		p.file.Chmod(0o644),
		p.file.Truncate(0),
		writeAll(p.file, fmt.Sprint(os.Getpid())),
	)
}

func writeAll(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

// isOurs reports whether the path still leads to the file.
func (p *pidFile) isOurs() bool {
	ours, err := p.file.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(p.path)
	return err == nil && os.SameFile(ours, there)
}

// release removes the file and gives up the lock on it.
func (p *pidFile) release() {
	if p == nil {
		return
	}
	if p.isOurs() {
		os.Remove(p.path)
	}
	p.file.Close()
}

// heldBy says who has something, as " (held by pid 7, virtlockd)", or nothing if
// the kernel does not know a PID that means something here.
func heldBy(verb string, pid int) string {
	if pid <= 0 {
		return ""
	}
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		return fmt.Sprintf(" (%s by pid %d)", verb, pid)
	}
	return fmt.Sprintf(" (%s by pid %d, %q)", verb, pid, strings.TrimSpace(string(comm)))
}
