package handover

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// libvirt's virtlockd restarts itself on SIGUSR1: it writes its state as JSON to
// a file, and execs the program of its first argument with all descriptors open.
// Whatever program is at that path by then starts in its place: ours, to take
// over under running guests, and the other way round. The file is for the
// process that it names, under the key "magic". Whoever reads it removes it.

// What libvirt calls things.
const (
	libvirtProtocol = "libvirt" // Client.Protocol
	libvirtMain     = "virtlockd"
	libvirtAdmin    = "admin"

	libvirtShared     = 1
	libvirtAutocreate = 2

	libvirtNoUUID = "00000000-0000-0000-0000-000000000000"
)

// The names of Socket.
const (
	mainSocket  = "main"
	adminSocket = "admin"
)

// maxLibvirtRead is far above what libvirt's daemon writes for as many locks as
// it may have descriptors. Unlike it, we do not lose the locks above 10 MiB.
const maxLibvirtRead = 256 << 20

// TakeLibvirt reads the state that libvirt's daemon left for this process, and
// removes it. It gives nil when there is none, or when it was left for another
// process: then it is stale. A file that is broken is read as far as it can be:
// the locks in it are held, and nobody else knows of them. What is missing is
// told by an error beside the state. The descriptors are open in programs that
// are executed, and whether they are what the file says has to be seen by who
// uses them.
func TakeLibvirt(path string) (*State, error) {
	text, err := readLibvirt(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read libvirt's state: %w", err)
	}
	s, err := parseLibvirt(text, os.Getpid())
	return s, errors.Join(err, os.Remove(path))
}

func readLibvirt(path string) ([]byte, error) {
	// A link, or a pipe that would block, is nothing that libvirt's daemon left.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !st.Mode().IsRegular():
		return nil, fmt.Errorf("%q is not a regular file", path)
	case st.Size() > maxLibvirtRead:
		return nil, fmt.Errorf("%q is larger than %d MiB", path, maxLibvirtRead>>20)
	}
	return io.ReadAll(io.LimitReader(f, maxLibvirtRead))
}

// parseLibvirt reads a state that is for process pid. It gives nil when it is
// another's.
func parseLibvirt(text []byte, pid int) (*State, error) {
	root, err := readTree(text)
	magic := root.text("magic")
	if err != nil && magic == "" {
		magic = findMagic(text)
	}
	if magic != strconv.Itoa(pid) {
		return nil, nil
	}
	r := &libvirtReader{state: &State{PID: pid, Program: libvirtProtocol}}
	if err != nil {
		r.fail("%w", err)
	}
	r.read(root)
	if err := r.err(); err != nil {
		return r.state, fmt.Errorf("read libvirt's state: %w", err)
	}
	return r.state, nil
}
