package handover

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"virtlock/daemon/internal/failpoint"
)

// Rewrite writes the journal anew, with the spaces, holds and totals of a state
// and no history, and goes on with that. When it fails the old one stays in use.
// Nobody may Append meanwhile.
func (j *Journal) Rewrite(s *State) error {
	// The new one takes the old one's place when it is complete, so that there
	// is a whole one at any time.
	fresh := j.path + ".new"
	os.Remove(fresh) // left by a crash
	fd, err := openFile(fresh, unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT|unix.O_EXCL)
	if err != nil {
		return fmt.Errorf("rewrite journal %q: %w", j.path, err)
	}
	size, err := writeState(fd, j.boot, s)
	failpoint.Here("within-rewrite")
	if err == nil {
		err = os.Rename(fresh, j.path)
	}
	if err != nil {
		unix.Close(fd)
		os.Remove(fresh)
		return fmt.Errorf("rewrite journal %q: %w", j.path, err)
	}
	unix.Close(j.fd)
	j.fd, j.base = fd, size
	j.size.Store(size)
	return nil
}

// writeState writes a state as entries of a journal, and gives their size.
func writeState(fd int, boot string, s *State) (size int64, err error) {
	const piece = 64 << 10
	var b []byte
	flush := func(atLeast int) {
		if err == nil && len(b) >= atLeast {
			err = writeOnce(fd, b)
			size += int64(len(b))
			b = b[:0]
		}
	}
	b = appendFrame(b, (&entry{boot: boot}).append)
	write := func(c Change) {
		b = appendFrame(b, (&entry{change: &c}).append)
		flush(piece)
	}
	write(Change{Totals: s.Totals})
	for _, space := range s.Spaces {
		write(Change{Space: space})
	}
	for i := range s.Holds {
		write(Change{Hold: &s.Holds[i]})
	}
	flush(0)
	return size, err
}
