package handover

import (
	"fmt"
	"math"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"virtlock/daemon/internal/failpoint"
)

// stateVariable tells a program which descriptor has the state that is for it.
const stateVariable = "VIRTLOCKD_STATE_FD"

// Image is a program to become.
type Image struct {
	Path string
	Args []string
	// Keep are the descriptors that it inherits.
	Keep []int
	// Last is the last thing that is done before. What it fails with is the reason
	// not to.
	Last func() error
}

// Exec makes this process the program of an image, with the state in memory and
// the descriptors open at the numbers they have. It returns only when it fails,
// and then all is as it was before. The caller takes care of signals.
func (i *Image) Exec(state []byte) error {
	fd, err := unix.MemfdCreate("virtlockd-state", unix.MFD_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("memfd_create", err)
	}
	memory := os.NewFile(uintptr(fd), "state")
	defer memory.Close()
	if _, err := memory.Write(state); err != nil {
		return err
	}
	environment := append(withoutState(os.Environ()), stateVariable+"="+strconv.Itoa(fd))
	return i.exec(environment, fd)
}

// ExecPlain is Exec for a program that finds its state by itself.
func (i *Image) ExecPlain() error { return i.exec(withoutState(os.Environ()), -1) }

func (i *Image) exec(environment []string, state int) error {
	keep := i.Keep
	if state >= 0 {
		keep = append(keep[:len(keep):len(keep)], state)
	}
	err := setCloseOnExec(keep, 0)
	if err == nil {
		err = i.Last()
	}
	if err == nil {
		failpoint.Here("before-exec")
		err = os.NewSyscallError("execve", unix.Exec(i.Path, i.Args, environment))
	}
	setCloseOnExec(keep, unix.FD_CLOEXEC) // fails only where it did before
	return err
}

func setCloseOnExec(fds []int, flag int) error {
	for _, fd := range fds {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, flag); err != nil {
			return fmt.Errorf("set close-on-exec of descriptor %d: %w", fd, err)
		}
	}
	return nil
}

func withoutState(environment []string) []string {
	var rest []string
	for _, v := range environment {
		if len(v) <= len(stateVariable) || v[:len(stateVariable)+1] != stateVariable+"=" {
			rest = append(rest, v)
		}
	}
	return rest
}

// TakeState gives the state that a former program of this process left in memory;
// nil when there is none. What was inherited is no longer inherited by children.
// It fails when the state cannot be read.
func TakeState() (*State, error) {
	fd, err := strconv.Atoi(os.Getenv(stateVariable))
	os.Unsetenv(stateVariable)
	if err != nil || fd <= 2 {
		return nil, nil
	}
	failpoint.Here("after-exec")
	KeepToOurselves()
	b, err := readAt(fd)
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	s, err := ReadState(b)
	if err != nil {
		return nil, err
	}
	if s.PID != os.Getpid() { // inherited by somebody it was not meant for
		return nil, nil
	}
	return s, nil
}

// KeepToOurselves sees to it that no child inherits what an exec has brought.
func KeepToOurselves() {
	// The flag is in Linux since 5.11.
	unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
}

// readAt reads a file in memory from its start, and closes it.
func readAt(fd int) ([]byte, error) {
	f := os.NewFile(uintptr(fd), "state")
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b := make([]byte, info.Size())
	_, err = f.ReadAt(b, 0)
	return b, err
}
