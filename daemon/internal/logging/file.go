package logging

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// file writes lines to a file.
type file struct {
	out  io.WriteCloser
	torn bool // the last line is there in part only, as on a full disk
}

// openFile opens a log file for appending. One that is a FIFO without a reader is
// refused rather than waited for.
func openFile(path string) (*file, error) {
	const flags = os.O_WRONLY | os.O_APPEND | os.O_CREATE | unix.O_NONBLOCK | unix.O_NOCTTY
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, &OpenError{path, err}
	}
	return &file{out: f}, nil
}

// openStderr opens standard error. The descriptor is a duplicate because Go ends
// the program when a write to descriptor 2 itself finds no reader any more.
func openStderr() (*file, error) {
	fd, err := unix.FcntlInt(2, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, &OpenError{"stderr", err}
	}
	return &file{out: os.NewFile(uintptr(fd), "stderr")}, nil
}

func (f *file) write(r record) error {
	line := r.line()
	if f.torn {
		line = append([]byte{'\n'}, line...)
	}
	n, err := f.out.Write(line)
	if err == nil {
		f.torn = false
	} else if n > 0 {
		f.torn = true
	}
	return err
}

func (f *file) close() { f.out.Close() }
