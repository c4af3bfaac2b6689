package handover

import (
	"cmp"
	"errors"
	"io"
	"maps"
	"slices"

	"golang.org/x/sys/unix"
)

// entry is a record of the journal: it begins with one that says of which boot
// it is, and goes on with changes.
type entry struct {
	boot   string
	change *Change
}

func (e *entry) append(b []byte) []byte {
	b = appendBytes(b, 1, e.boot)
	if e.change != nil {
		b = appendRecord(b, 2, e.change.append)
	}
	return b
}

func (e *entry) read(b []byte) error {
	return readFields(b, func(f field) error {
		switch f.number {
		case 1:
			e.boot = f.text()
		case 2:
			e.change = new(Change)
			return e.change.read(f.bytes)
		}
		return nil
	})
}

// history is what the changes of a journal come to.
type history struct {
	boot   string // of the latest that it says; empty before
	spaces []string
	holds  map[uint64]Hold
	totals Totals

	unfinished unfinished
}

var errNoFile = errors.New("not a regular file")

// replay reads the journal. It reports whether the journal is one of this boot
// that may be gone on with.
func (j *Journal) replay() (s *State, current bool, err error) {
	var st unix.Stat_t
	if err := unix.Fstat(j.fd, &st); err != nil {
		return new(State), false, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return new(State), false, errNoFile
	}
	j.size.Store(st.Size)
	j.base = st.Size
	h, skipped, err := readHistory(&fdReader{j.fd})
	j.skipped = skipped
	// A journal without its beginning may be of this boot. Owners that mean
	// nothing any more are then told by their start times.
	if h.boot != "" && h.boot != j.boot {
		clear(h.holds)
	}
	return h.state(), h.boot == j.boot, err
}

// readHistory reads all changes of a journal, and counts the bytes that make no
// sense.
func readHistory(r io.Reader) (h history, skipped int64, err error) {
	h.holds, h.unfinished = make(map[uint64]Hold), make(unfinished)
	in := newFrames(r)
	for {
		record, err := in.next()
		if err == io.EOF {
			h.unfinished.drop(func(id uint64) { delete(h.holds, id) })
			return h, in.skipped, nil
		}
		if err != nil {
			return h, in.skipped, err
		}
		var e entry
		if e.read(record) != nil {
			in.skipped += int64(frameHead + len(record))
			continue
		}
		h.add(&e)
	}
}

func (h *history) add(e *entry) {
	if e.boot != "" {
		if e.boot != h.boot && h.boot != "" {
			clear(h.holds)
		}
		h.boot = e.boot
	}
	c := e.change
	if c == nil {
		return
	}
	if c.Hold != nil {
		c.Hold.FD = -1 // was the writer's
		h.holds[c.Hold.ID] = *c.Hold
		h.unfinished.add(c.Hold.ID, c.Hold.Last)
	}
	dropped(c.Drop, c.Drops, func(id uint64) { delete(h.holds, id) })
	if c.Space != "" && !slices.Contains(h.spaces, c.Space) {
		h.spaces = append(h.spaces, c.Space)
	}
	h.totals.Max(c.Totals)
}

// state gives what is left, the holds in the order in which they were granted.
func (h *history) state() *State {
	byID := func(a, b Hold) int { return cmp.Compare(a.ID, b.ID) }
	return &State{Spaces: h.spaces, Totals: h.totals, Holds: slices.SortedFunc(maps.Values(h.holds), byID)}
}

// fdReader reads a descriptor.
type fdReader struct{ fd int }

func (r *fdReader) Read(b []byte) (int, error) {
	for {
		n, err := unix.Read(r.fd, b)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, err
		case n == 0 && len(b) > 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}
