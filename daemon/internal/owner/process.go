// Package owner is a process as the owner of locks: who it is, when it ends,
// and nothing about what it owns.
//
// A pid alone names a process only until it is used again. A Process is held by
// a pidfd (pidfd_open(2)), which stays with the one process it was opened for,
// and told apart over time by its pid and its start time together.
package owner

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// ErrNoProcess says that there is no such process, or no more.
var ErrNoProcess = errors.New("no such process")

// Process is one living process, or one that has ended since.
type Process struct {
	PID int
	// StartTime is when it started, in clock ticks since the boot: field 22
	// of /proc/PID/stat, proc(5).
	StartTime uint64
	pidfd     int
}

// ErrHidden says that there is such a process and that /proc does not show it to
// this one: proc(5), hidepid.
var ErrHidden = errors.New("hidden process")

// Find opens the process with that pid. It fails with ErrNoProcess when there
// is none, or only its remains that nobody has waited for yet, and with ErrHidden
// when nothing can be learned of it. The caller has to Close it.
func Find(pid int) (*Process, error) {
	p, err := Open(pid)
	if err != nil {
		return nil, err
	}
	// Read after the pidfd was opened and used only if the process still lives
	// then: so it cannot be another process's.
	p.StartTime, err = startTime(pid)
	switch {
	case p.Exited():
		err = ErrNoProcess
	case errors.Is(err, ErrNoProcess):
		err = ErrHidden
	}
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("find process %d: %w", pid, err)
	}
	return p, nil
}

// Open is Find without the StartTime: who calls has to know from elsewhere which
// process that is.
func Open(pid int) (*Process, error) {
	if pid <= 0 || pid > math.MaxInt32 { // of which the kernel would take the lower half
		return nil, fmt.Errorf("find process %d: %w", pid, ErrNoProcess)
	}
	fd, err := unix.PidfdOpen(pid, 0)
	// A thread that is not the first of its process has no pidfd: EINVAL, and
	// ENOENT since Linux 6.16.
	if err == unix.ESRCH || err == unix.EINVAL || err == unix.ENOENT {
		return nil, fmt.Errorf("find process %d: %w", pid, ErrNoProcess)
	}
	if err != nil {
		return nil, os.NewSyscallError("pidfd_open", err)
	}
	return &Process{PID: pid, pidfd: fd}, nil
}

// Exited reports whether the process has ended. One that nobody has waited for
// has ended too: it holds no file open any more.
func (p *Process) Exited() bool {
	fds := []unix.PollFd{{Fd: int32(p.pidfd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, 0)
		if err != unix.EINTR {
			return err == nil && n == 1 && fds[0].Revents&unix.POLLIN != 0
		}
	}
}

// Signal sends a signal to the process, and to no other that has its pid by now
// (pidfd_send_signal(2)). It fails with ErrNoProcess when the process has ended
// and somebody has waited for it.
func (p *Process) Signal(signal unix.Signal) error {
	err := unix.PidfdSendSignal(p.pidfd, signal, nil, 0)
	if err == unix.ESRCH {
		return fmt.Errorf("signal process %d: %w", p.PID, ErrNoProcess)
	}
	return os.NewSyscallError("pidfd_send_signal", err)
}

// FD is the pidfd, for an event loop: it is readable when the process has ended.
func (p *Process) FD() int { return p.pidfd }

// Close gives the pidfd back. It does nothing to the process.
func (p *Process) Close() error { return unix.Close(p.pidfd) }

// startTime reads field 22 of /proc/PID/stat. Field 2, the command's name, may
// hold anything, brackets and blanks too, so the fields are counted from behind
// its last bracket.
func startTime(pid int) (uint64, error) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			return 0, ErrNoProcess
		}
		return 0, err
	}
	return parseStartTime(b)
}

func parseStartTime(stat []byte) (uint64, error) {
	const afterName = 22 - 3 // field 3 is the first one behind the name
	i := bytes.LastIndexByte(stat, ')')
	fields := bytes.Fields(stat[i+1:])
	if i < 0 || len(fields) <= afterName {
		return 0, fmt.Errorf("read process start time: no field 22 in %q", stat)
	}
	return strconv.ParseUint(string(fields[afterName]), 10, 64)
}

// Command is the name of the process's command, at most 15 bytes (proc(5),
// /proc/PID/comm); empty when there is no such process any more.
func Command(pid int) string {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/comm")
	if err != nil {
		return ""
	}
	return string(bytes.TrimRight(b, "\n"))
}

// UID is the effective user id of a process, or 0 for one that hides itself
// (prctl(2), PR_SET_DUMPABLE). It fails with ErrNoProcess when there is none.
func UID(pid int) (int, error) {
	var st unix.Stat_t
	if err := unix.Stat("/proc/"+strconv.Itoa(pid), &st); err != nil {
		return 0, fmt.Errorf("find process %d: %w", pid, ErrNoProcess)
	}
	return int(st.Uid), nil
}
