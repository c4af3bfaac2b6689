package handover

import (
	"bytes"
	"os"
	"testing"
)

// A call for several locks is granted wholly or not at all, also to those who read
// what a daemon has left that ended in its middle.
func TestUnfinishedCallInTheKeeper(t *testing.T) {
	k, socket := keep(t)
	first, second, alone := scratch(t, "first"), scratch(t, "second"), scratch(t, "alone")
	us := identity(t, os.Getpid())
	pass := func(path string, id, last uint64) {
		c := grant(t, path, id, us)
		c.Hold.Last = last
		must(t, k.Pass(c))
		give(t, c)
	}
	pass(first, 1, 2)
	pass(second, 2, 2)
	pass(alone, 3, 0)
	half := scratch(t, "half")
	pass(half, 4, 5)
	equal(t, "what it keeps of a daemon that lives", ask(t, k), Kept{Locks: 4, Holds: 4})
	must(t, k.Close())
	eventually(t, "the half of a call is dropped", func() bool { return !isLocked(t, half) })
	_, s, _ := find(t, socket)
	wantIDs(t, s, 1, 2, 3)
	for _, path := range []string{first, second, alone} {
		if !isLocked(t, path) {
			t.Errorf("%s is free", path)
		}
	}
}

func TestUnfinishedCallInTheJournal(t *testing.T) {
	first, second := granted(1), granted(2)
	first.Hold.Last, second.Hold.Last = 2, 2
	b, ends := journalOf(t, first, second, granted(3))
	whole, _, err := readHistory(bytes.NewReader(b))
	must(t, err)
	wantIDs(t, whole.state(), 1, 2, 3)
	// Torn by a full disk: what follows is another call's.
	torn, _, err := readHistory(bytes.NewReader(append(bytes.Clone(b[:ends[1]+5]), b[ends[2]:]...)))
	must(t, err)
	wantIDs(t, torn.state(), 3)
}

// What was not granted after all is taken back in one piece too.
func TestSeveralAreDroppedTogether(t *testing.T) {
	b, _ := journalOf(t, granted(1), granted(2), granted(3), granted(4), Change{Drop: 3, Drops: []uint64{2}})
	h, _, err := readHistory(bytes.NewReader(b))
	must(t, err)
	wantIDs(t, h.state(), 1, 4)

	k, socket := keep(t)
	us := identity(t, os.Getpid())
	for id := range uint64(4) {
		must(t, k.Pass(Change{Hold: &Hold{ID: id + 1, Lock: id + 1, FD: -1, Owner: us}}))
	}
	must(t, k.Pass(Change{Drop: 3, Drops: []uint64{2}}, Change{Drop: 4, Drops: []uint64{1 << 40}}, Change{Drop: 1 << 40}))
	must(t, k.Close())
	_, s, _ := find(t, socket)
	wantIDs(t, s, 1)
}
