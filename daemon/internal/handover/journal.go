package handover

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Journal is a file of the changes of a daemon's state. Its successor reads it
// when no keeper is left.
//
// Nothing of it is forced to the disk: what it says of holds is worth nothing
// after a boot, and until then the kernel knows what was written.
type Journal struct {
	path    string
	boot    string
	skipped int64

	fd   int          // changes in Rewrite only
	size atomic.Int64 // of the file
	base int64        // its size when it was opened or written anew
}

// OpenJournal opens the journal, or makes it, and reads what its last writer
// left: spaces, holds and totals. The holds of another boot are not among them,
// for the pids in them mean nothing any more. Bytes that make no sense are
// skipped and counted. When it fails the state is what could be read, and the
// journal is nil.
func OpenJournal(path string) (*Journal, *State, error) {
	boot, err := bootID()
	if err != nil {
		return nil, new(State), fmt.Errorf("open journal %q: %w", path, err)
	}
	return openJournal(path, boot)
}

// ResumeJournal goes on with the journal of this very process, which an exec has
// closed. What is in it is known already, and so is its Base.
func ResumeJournal(path string, base int64) (*Journal, error) {
	j := &Journal{path: path, base: base}
	err := j.resume()
	if err != nil {
		return nil, fmt.Errorf("open journal %q: %w", path, err)
	}
	return j, nil
}

func (j *Journal) resume() (err error) {
	if j.boot, err = bootID(); err != nil {
		return err
	}
	if j.fd, err = openFile(j.path, unix.O_WRONLY|unix.O_APPEND); err != nil {
		return err
	}
	var st unix.Stat_t
	if err = unix.Fstat(j.fd, &st); err != nil {
		unix.Close(j.fd)
	}
	j.size.Store(st.Size)
	return err
}

func openJournal(path, boot string) (*Journal, *State, error) {
	j := &Journal{path: path, boot: boot}
	s, err := j.open()
	if err != nil {
		return nil, s, fmt.Errorf("open journal %q: %w", path, err)
	}
	return j, s, nil
}

func (j *Journal) open() (*State, error) {
	// It is in memory or on a disk of the host: /run or /var.
	fd, err := openFile(j.path, unix.O_RDWR|unix.O_APPEND|unix.O_CREAT)
	if err != nil {
		return new(State), err
	}
	j.fd = fd
	s, current, err := j.replay()
	if err == nil && !current {
		err = j.Rewrite(s) // closes fd
	}
	if err != nil {
		unix.Close(j.fd)
		return s, err
	}
	return s, nil
}

// bootID is what the kernel calls the time since it was booted.
func bootID() (string, error) {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(b)), err
}

// Skipped is how many bytes OpenJournal found that make no sense: what a full
// disk or a crash had torn, or a disk had changed.
func (j *Journal) Skipped() int64 { return j.skipped }

// errTorn says that not all of a record was written.
var errTorn = errors.New("the disk is full: not all was written")

// errTooLong says that a record is longer than readers take it.
var errTooLong = fmt.Errorf("a record has more than %d bytes", maxRecord)

// Append writes changes, as one piece: where it fails none of them counts, for
// readers skip what is torn. It may be called by several at a time.
func (j *Journal) Append(changes ...Change) error {
	buffer := buffers.Get().(*[]byte)
	defer giveBack(buffer)
	b := (*buffer)[:0]
	for i := range changes {
		start := len(b)
		b = appendFrame(b, (&entry{change: &changes[i]}).append)
		if len(b)-start > frameHead+maxRecord {
			return fmt.Errorf("write journal %q: %w", j.path, errTooLong)
		}
	}
	*buffer = b
	// The kernel writes at the end of the file whoever else does (O_APPEND).
	if err := writeOnce(j.fd, b); err != nil {
		return fmt.Errorf("write journal %q: %w", j.path, err)
	}
	j.size.Add(int64(len(b)))
	return nil
}

// worthwhile is how far a journal may grow beyond a multiple of what it has to
// say.
const worthwhile = 4 << 20

// Grown reports whether the journal has so many changes that are history that it
// is worth a Rewrite.
func (j *Journal) Grown() bool { return j.size.Load() > 4*j.base+worthwhile }

// Base is the size that the journal had when it was opened or written anew.
func (j *Journal) Base() int64 { return j.base }

// Close closes the journal, and leaves it to the next daemon.
func (j *Journal) Close() error { return unix.Close(j.fd) }

// Remove closes the journal and removes its file: nobody holds anything.
func (j *Journal) Remove() error { return errors.Join(os.Remove(j.path), j.Close()) }

// buffers are where records are put together that are sent or written at once.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// giveBack gives a buffer back, unless it has grown out of the ordinary.
func giveBack(b *[]byte) {
	if cap(*b) <= maxRecord {
		buffers.Put(b)
	}
}

// writeOnce writes b by one write(2), or fails.
func writeOnce(fd int, b []byte) error {
	for {
		n, err := unix.Write(fd, b)
		switch {
		case err == unix.EINTR:
		case err == nil && n < len(b):
			return errTorn
		default:
			return err
		}
	}
}

// openFile opens a file of ours, and never somebody else's through a link.
func openFile(path string, flags int) (int, error) {
	for {
		fd, err := unix.Open(path, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
		if err != unix.EINTR {
			return fd, err
		}
	}
}
