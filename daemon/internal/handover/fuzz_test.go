package handover

import (
	"bytes"
	"slices"
	"testing"
)

// sizeable is a change that has everything.
func sizeable() Change {
	h := holdOf(1)
	h.Missing = "locked by another program"
	return Change{Hold: &h, Drop: 7, Space: "/space", Totals: Totals{1, 2, 3, 4, 5, 6, 7, 8}}
}

// Whatever a journal holds, reading it ends, counts no byte twice, and what was
// appended behind it is read.
func FuzzJournal(f *testing.F) {
	b, ends := journalOf(f, granted(1), granted(2), Change{Drop: 1})
	f.Add(b)
	f.Add(b[:ends[2]-3])
	f.Add(append([]byte(frameMark+frameMark+"\x00\x00\x00"), b...))
	f.Add([]byte(frameMark + "\xff\xff\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole := wholePrefix(b)
		b = appendFrame(b, (&entry{change: &Change{Space: "/the last one"}}).append)
		h, skipped, err := readHistory(bytes.NewReader(b))
		if err != nil || skipped > int64(len(b)) || whole > len(b) {
			t.Fatalf("%d of %d bytes skipped, %v", skipped, len(b), err)
		}
		if !slices.Contains(h.spaces, "/the last one") {
			t.Fatalf("the spaces are %q", h.spaces)
		}
		h.state()
	})
}

// twice fails unless what was read is written as the same when it was written and
// read again. An empty text may come as nothing, so the values may differ.
func twice[T any](t *testing.T, b []byte, read func(*T, []byte) error, write func(*T, []byte) []byte) {
	t.Helper()
	var first, second T
	if read(&first, b) != nil {
		return
	}
	again := write(&first, nil)
	if err := read(&second, again); err != nil || !bytes.Equal(write(&second, nil), again) {
		t.Fatalf("%+v became %+v, %v", first, second, err)
	}
}

func FuzzChange(f *testing.F) {
	c := sizeable()
	f.Add(c.append(nil))
	f.Add((&Change{Drop: 1}).append(nil))
	f.Add([]byte{0x0a, 0x80, 0x80, 0x80, 0x00})
	f.Fuzz(func(t *testing.T, b []byte) { twice(t, b, (*Change).read, (*Change).append) })
}

func FuzzState(f *testing.F) {
	c := sizeable()
	s := State{PID: 1, Holds: []Hold{*c.Hold}, Spaces: []string{"/a", ""}, Totals: c.Totals, Settings: Settings{LogLevel: 2, AuditFile: "/audit", AuditMaxSize: 3, AuditFiles: 4}}
	s.Forced = []Forced{{PID: 2, Start: 3, Name: "/disk", Time: 4, Client: 5, ClientPID: 6, Command: "sh", Reason: "dead"}}
	s.Clients = []Client{{ID: 1, FD: 3, In: []byte("{"), Owners: []Owner{c.Hold.Owner}, Subscription: &Subscription{Types: []string{"x"}}}}
	f.Add(s.Append(nil))
	f.Add([]byte(stateMagic))
	f.Add([]byte(stateMagic + "\x08\x02"))
	f.Fuzz(func(t *testing.T, b []byte) {
		twice(t, b, func(s *State, b []byte) error {
			got, err := ReadState(b)
			if err == nil {
				*s = *got
			}
			return err
		}, (*State).Append)
	})
}

// What the keeper and the daemon make of the same bytes is the same.
func FuzzMessage(f *testing.F) {
	for _, m := range messages() {
		f.Add(m.append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		twice(t, b, (*message).read, (*message).append)
		var m message
		var o order
		if o.read(b) != nil || m.read(b) != nil {
			return
		}
		if o.kind != m.Kind || o.number != m.Number {
			t.Fatalf("%+v is not %+v", o, m)
		}
		if c := m.Change; c != nil && bytes.Count(b, []byte{0x22}) == 1 && (o.drop != c.Drop || !slices.Equal(o.drops, c.Drops) || string(o.space) != c.Space || o.totals != c.Totals) {
			t.Fatalf("%+v is not %+v", o, c)
		}
	})
}

// What the keeper is told by anybody who may speak to it does not make it fail.
func FuzzKept(f *testing.F) {
	c := sizeable()
	f.Add(c.append(nil), (&Change{Drop: 1}).append(nil))
	f.Add((&Change{Drop: 1}).append(nil), c.append(nil))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		k := newKept()
		k.watcher = func(int, int32) error { return nil }
		defer func() {
			for pid := range k.owners {
				k.ended(pid)
			}
		}()
		for _, b := range [][]byte{first, second, first} {
			var o order
			if o.readChange(b) == nil {
				k.change(&o, -1)
			}
		}
		k.forgetIdle()
		out := outbox{holds: k.list()}
		n := 0
		for _, _, done := out.next(&k); !done; _, _, done = out.next(&k) {
			out.sent(&k)
			n++
		}
		if counts := k.counts(); n != counts.Holds+counts.Ended || counts.Ended < 0 || counts.Locks > counts.Holds {
			t.Fatalf("it tells of %d of %+v", n, counts)
		}
	})
}
