package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// file is the file that is written to.
type file struct {
	*os.File
	path   string
	size   int64
	torn   bool // the last line is there in part only, as on a full disk
	looked time.Time
}

var errNoFile = errors.New("not a regular file")

// openFile opens a file for appending. It is rotated, so it must be nothing else
// than a file: a device would be renamed with the others.
func openFile(path string) (*file, error) {
	const flags = os.O_RDWR | os.O_APPEND | os.O_CREATE | unix.O_NONBLOCK | unix.O_NOCTTY
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: errNoFile}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	opened := &file{File: f, path: path, size: info.Size(), looked: time.Now()}
	opened.torn = opened.endsInside()
	return opened, nil
}

// endsInside reports whether the file does not end with a newline.
func (f *file) endsInside() bool {
	var last [1]byte
	n, err := f.ReadAt(last[:], f.size-1)
	return f.size > 0 && n == 1 && err == nil && last[0] != '\n'
}

// Check fails if there cannot be a history in a file.
func Check(path string) error {
	if path == "" {
		return nil
	}
	f, err := openFile(path)
	if err != nil {
		return err
	}
	return f.Close()
}

// lookTime is how often it is looked whether the file still has its name.
const lookTime = time.Second

// moved reports whether the path leads to another file by now, as after logrotate(8),
// or to none. It may take a second to notice.
func (f *file) moved() bool {
	now := time.Now()
	if now.Sub(f.looked) < lookTime {
		return false
	}
	f.looked = now
	named, err := os.Stat(f.path)
	if err != nil {
		return true
	}
	own, err := f.Stat()
	if err != nil || !os.SameFile(own, named) {
		return true
	}
	f.size = own.Size() // somebody may have emptied it
	return false
}

// write writes lines, to the next file if they do not fit into this one, and gives
// how many got there as a whole.
func (f *file) write(b []byte, s Settings) (lines int, err error) {
	var rotateErr error
	if f.size > 0 && f.size+int64(len(b)) > s.MaxSize {
		rotateErr = f.rotate(s.Files)
	}
	if f.torn {
		b = append([]byte{'\n'}, b...)
		lines = -1
	}
	n, err := f.Write(b)
	if n > 0 {
		f.size += int64(n)
		f.torn = b[n-1] != '\n'
	}
	lines = max(lines+countLines(b[:n]), 0)
	// The records are there all the same, in a file that is too large.
	return lines, errors.Join(err, rotateErr)
}

// rotate begins a new file. What fails leaves the present one in use.
func (f *file) rotate(keep int) error {
	old := func(i int) string { return fmt.Sprintf("%s.%d", f.path, i) }
	for i := keep + 1; ; i++ { // also those of a time when more were kept
		if os.Remove(old(i)) != nil {
			break
		}
	}
	var err error
	if keep == 0 {
		err = os.Remove(f.path)
	} else {
		for i := keep; i > 1; i-- {
			if err := os.Rename(old(i-1), old(i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		err = os.Rename(f.path, old(1))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	next, err := openFile(f.path)
	if err != nil {
		return err
	}
	f.Close()
	*f = *next
	return nil
}
