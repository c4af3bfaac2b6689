package handover

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

const thisBoot, otherBoot = "11111111-2222-3333-4444-555555555555", "66666666-7777-8888-9999-000000000000"

// openAt opens a journal that was made by a boot, and closes it with the test.
func openAt(t testing.TB, path, boot string) (*Journal, *State) {
	t.Helper()
	j, s, err := openJournal(path, boot)
	must(t, err)
	t.Cleanup(func() { j.Close() })
	return j, s
}

// holdOf makes a hold that has everything.
func holdOf(id uint64) Hold {
	return Hold{
		ID: id, Lock: id, FD: -1, Space: "/space", Name: fmt.Sprint("disk", id), Shared: true, Autocreate: true,
		File: File{Device: 2049, Inode: 77, Node: 78}, Client: 3, Since: 1_700_000_000_000_000_000,
		Owner: Owner{Name: "ä guest", UUID: "01234567-89ab-cdef-0123-456789abcdef", ID: 9, PID: 4711, Start: 123456, Tie: 1},
	}
}

func granted(id uint64) Change {
	h := holdOf(id)
	h.FD = 42 // the writer's
	return Change{Hold: &h, Totals: Totals{Hold: id, Granted: id}}
}

func ids(holds []Hold) (list []uint64) {
	for _, h := range holds {
		list = append(list, h.ID)
	}
	return list
}

func wantIDs(t testing.TB, s *State, want ...uint64) {
	t.Helper()
	if got := ids(s.Holds); !reflect.DeepEqual(got, want) {
		t.Errorf("the holds are %v, not %v", got, want)
	}
}

func TestJournal(t *testing.T) {
	path := scratch(t, "journal")
	j, s, err := OpenJournal(path)
	must(t, err)
	if !reflect.DeepEqual(s, &State{}) {
		t.Errorf("an empty journal is %+v", s)
	}
	info, err := os.Stat(path)
	must(t, err)
	equal(t, "the mode", info.Mode(), 0o600)
	must(t, j.Append(Change{Space: "/a"}, granted(1), granted(2)))
	must(t, j.Append(granted(3), Change{Drop: 2, Totals: Totals{Released: 1}}))
	must(t, j.Append(granted(4), granted(5), granted(6), Change{Drop: 6, Drops: []uint64{4, 5}, Totals: Totals{Hold: 3, Granted: 3, Released: 4}}))
	must(t, j.Append(Change{Space: "/b"}, Change{Space: "/a"}))
	must(t, j.Close())
	for range 2 {
		j, s, err = OpenJournal(path)
		must(t, err)
		want := &State{
			Spaces: []string{"/a", "/b"}, Holds: []Hold{holdOf(1), holdOf(3)},
			Totals: Totals{Hold: 6, Granted: 6, Released: 4},
		}
		if !reflect.DeepEqual(s, want) {
			t.Errorf("the state is %+v", s)
		}
		equal(t, "the bytes skipped", j.Skipped(), 0)
		must(t, j.Close())
	}
	j, _, err = OpenJournal(path)
	must(t, err)
	must(t, j.Remove())
	_, err = os.Stat(path)
	wantErr(t, err, os.ErrNotExist)
}

func TestJournalOfAnotherBoot(t *testing.T) {
	path := scratch(t, "journal")
	j, _ := openAt(t, path, otherBoot)
	must(t, j.Append(Change{Space: "/a"}, granted(1)))
	j, s := openAt(t, path, thisBoot)
	wantIDs(t, s)
	equal(t, "the space", strings.Join(s.Spaces, " "), "/a")
	equal(t, "the totals", s.Totals, Totals{Hold: 1, Granted: 1})
	must(t, j.Append(granted(2)))
	_, s = openAt(t, path, thisBoot)
	wantIDs(t, s, 2)
	_, s = openAt(t, path, otherBoot) // what is gone does not come back
	wantIDs(t, s)
}

// A journal whose beginning is torn may be of this boot.
func TestJournalWithoutABeginning(t *testing.T) {
	path := scratch(t, "journal")
	j, _ := openAt(t, path, thisBoot)
	must(t, j.Append(granted(1)))
	b, err := os.ReadFile(path)
	must(t, err)
	b[frameHead]++
	must(t, os.WriteFile(path, b, 0o600))
	j, s := openAt(t, path, thisBoot)
	wantIDs(t, s, 1)
	if j.Skipped() == 0 {
		t.Error("nothing is said of what is torn")
	}
	j, s = openAt(t, path, thisBoot) // has a beginning again
	wantIDs(t, s, 1)
	equal(t, "the bytes skipped", j.Skipped(), 0)
}

// journalOf gives the bytes of a journal, and where each change ends.
func journalOf(t testing.TB, changes ...Change) (b []byte, ends []int) {
	t.Helper()
	path := scratch(t, "journal")
	j, _ := openAt(t, path, thisBoot)
	ends = []int{int(j.size.Load())}
	for _, c := range changes {
		must(t, j.Append(c))
		ends = append(ends, int(j.size.Load()))
	}
	b, err := os.ReadFile(path)
	must(t, err)
	equal(t, "the size", len(b), ends[len(ends)-1])
	return b, ends
}

// Wherever a journal was cut, what is whole before that is read, and what a later
// daemon appended behind it too.
func TestJournalIsCutAnywhere(t *testing.T) {
	b, ends := journalOf(t, granted(1), granted(2), Change{Drop: 1}, granted(3))
	tail := appendFrame(nil, (&entry{change: &Change{Space: "/later"}}).append)
	for cut := range b {
		h, skipped, err := readHistory(bytes.NewReader(append(bytes.Clone(b[:cut]), tail...)))
		must(t, err)
		if !reflect.DeepEqual(h.spaces, []string{"/later"}) {
			t.Fatalf("cut at %d: what follows is lost", cut)
		}
		whole, last := 0, 0
		for _, end := range ends {
			if end <= cut {
				whole, last = whole+1, end
			}
		}
		if cut < ends[0] {
			last = wholePrefix(b[:cut]) // the header, or nothing
		}
		equal(t, fmt.Sprintf("cut at %d: the bytes skipped", cut), skipped, int64(cut-last))
		want := [][]uint64{nil, nil, {1}, {1, 2}, {2}, {2, 3}}[whole]
		if got := ids(h.state().Holds); !reflect.DeepEqual(got, want) {
			t.Errorf("cut at %d: the holds are %v, not %v", cut, got, want)
		}
	}
}

// wholePrefix is how many bytes of b whole frames take.
func wholePrefix(b []byte) int {
	in := newFrames(bytes.NewReader(b))
	n := 0
	for {
		record, err := in.next()
		if err != nil {
			return n
		}
		n += frameHead + len(record)
	}
}

// Whichever byte of a journal is wrong, it costs no more than its own record.
func TestJournalIsWrongAnywhere(t *testing.T) {
	b, ends := journalOf(t, granted(1), granted(2), granted(3))
	for i := range b {
		bad := bytes.Clone(b)
		bad[i] ^= 0x55
		h, skipped, err := readHistory(bytes.NewReader(bad))
		must(t, err)
		var want []uint64
		for n := 1; n <= 3; n++ {
			if i < ends[n-1] || i >= ends[n] {
				want = append(want, uint64(n))
			}
		}
		if got := ids(h.state().Holds); !reflect.DeepEqual(got, want) {
			t.Errorf("byte %d is wrong: the holds are %v, not %v", i, got, want)
		}
		if skipped == 0 {
			t.Errorf("byte %d is wrong, and nothing was skipped", i)
		}
	}
}

// What a client calls its guest is never taken for a record.
func TestJournalKeepsTextsApart(t *testing.T) {
	forged := string(appendFrame(nil, (&entry{change: &Change{Drop: 1}}).append))
	text := strings.ToValidUTF8(forged, "\uFFFD")
	c := granted(2)
	c.Hold.Owner.Name = text
	b, ends := journalOf(t, granted(1), c)
	b[ends[1]+2]++ // the length of what has the text in it
	h, _, err := readHistory(bytes.NewReader(b))
	must(t, err)
	if got := ids(h.state().Holds); !reflect.DeepEqual(got, []uint64{1}) {
		t.Errorf("the holds are %v", got)
	}
}

// A length that cannot be is not believed.
func TestJournalWithAHostileLength(t *testing.T) {
	good := appendFrame(nil, (&entry{change: &Change{Space: "/a"}}).append)
	for _, length := range []string{"\x00\x00\x00\x00", "\xff\xff\xff\xff", "\xff\xff\xff\x7f", "\x01\x00\x01\x00", "\x00\x00\x01\x00"} {
		bad := frameMark + length + "\x00\x00\x00\x00"
		h, skipped, err := readHistory(bytes.NewReader(append([]byte(bad), good...)))
		must(t, err)
		equal(t, "the bytes skipped", skipped, int64(len(bad)))
		equal(t, "the spaces", len(h.spaces), 1)
	}
}

func TestJournalRecordTooLong(t *testing.T) {
	j, _ := openAt(t, scratch(t, "journal"), thisBoot)
	wantErr(t, j.Append(Change{Space: "/" + strings.Repeat("x", maxRecord)}), errTooLong)
	must(t, j.Append(Change{Space: "/" + strings.Repeat("x", maxRecord-100)}))
}

func TestJournalIsNoFile(t *testing.T) {
	dir := t.TempDir()
	link, fifo := dir+"/link", dir+"/fifo"
	must(t, os.Symlink(dir+"/elsewhere", link))
	must(t, unix.Mkfifo(fifo, 0o600))
	for path, want := range map[string]error{link: unix.ELOOP, dir: unix.EISDIR, fifo: errNoFile, dir + "/missing/journal": unix.ENOENT} {
		j, s, err := OpenJournal(path)
		wantErr(t, err, want)
		if j != nil || s == nil {
			t.Errorf("%s: %v, %v", path, j, s)
		}
	}
}

func TestRewrite(t *testing.T) {
	path := scratch(t, "journal")
	must(t, os.WriteFile(path+".new", []byte("left by a crash"), 0o644))
	j, _ := openAt(t, path, thisBoot)
	for id := uint64(1); id <= 1000; id++ {
		must(t, j.Append(granted(id), Change{Drop: id - 1, Space: "/a"}))
	}
	before := j.size.Load()
	_, s := openAt(t, path, thisBoot)
	wantIDs(t, s, 1000)
	must(t, j.Rewrite(s))
	if after := j.size.Load(); after*100 > before {
		t.Errorf("%d bytes became %d", before, after)
	}
	must(t, j.Append(granted(1001)))
	info, err := os.Stat(path)
	must(t, err)
	equal(t, "the size", info.Size(), j.size.Load())
	equal(t, "the mode", info.Mode(), 0o600)
	_, s = openAt(t, path, thisBoot)
	want := &State{Spaces: []string{"/a"}, Holds: []Hold{holdOf(1000), holdOf(1001)}, Totals: Totals{Hold: 1001, Granted: 1001}}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("the state is %+v", s)
	}
	left, err := os.ReadDir(strings.TrimSuffix(path, "/journal"))
	must(t, err)
	equal(t, "the number of files", len(left), 1)
}

func TestRewriteFails(t *testing.T) {
	dir := t.TempDir() + "/gone"
	must(t, os.Mkdir(dir, 0o700))
	j, _ := openAt(t, dir+"/journal", thisBoot)
	must(t, os.Rename(dir, dir+".old"))
	wantErr(t, j.Rewrite(&State{}), unix.ENOENT)
	must(t, j.Append(granted(1)))
	_, s := openAt(t, dir+".old/journal", thisBoot)
	wantIDs(t, s, 1)
}

func TestGrown(t *testing.T) {
	path := scratch(t, "journal")
	j, _ := openAt(t, path, thisBoot)
	long := Change{Space: "/" + strings.Repeat("x", 60<<10)}
	appended := 0
	for ; !j.Grown(); appended++ {
		must(t, j.Append(long))
	}
	if grown := appended * 60 << 10; grown < worthwhile-100<<10 || grown > worthwhile+100<<10 {
		t.Errorf("grown by %d bytes", grown)
	}
	j, s := openAt(t, path, thisBoot)
	if j.Grown() {
		t.Error("grown when it was opened")
	}
	must(t, j.Rewrite(s))
	if j.Grown() {
		t.Error("grown when it was written anew")
	}
}

func TestAppendByMany(t *testing.T) {
	path := scratch(t, "journal")
	j, _ := openAt(t, path, thisBoot)
	var writers sync.WaitGroup
	for w := range uint64(8) {
		writers.Go(func() {
			for i := range uint64(100) {
				if err := j.Append(granted(w*100+i+1), Change{Drop: w*100 + i}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	j, s := openAt(t, path, thisBoot)
	equal(t, "the bytes skipped", j.Skipped(), 0)
	for _, h := range s.Holds {
		// Its drop may have come before it, from the next writer.
		if h.ID%100 != 0 {
			t.Errorf("hold %d is left", h.ID)
		}
	}
}

// A disk that is full costs what does not fit, and nothing of what follows.
func TestJournalOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	must(t, unix.Mount("none", dir, "tmpfs", 0, "size=64k"))
	defer unix.Unmount(dir, unix.MNT_DETACH)
	path := dir + "/journal"
	j, _ := openAt(t, path, thisBoot)
	var full error
	id := uint64(0)
	for full == nil {
		id++
		full = j.Append(granted(id))
	}
	if !errors.Is(full, errTorn) && !errors.Is(full, unix.ENOSPC) {
		t.Errorf("error is %v", full)
	}
	torn := id
	wantErr(t, j.Append(granted(id+1)), unix.ENOSPC)
	wantErr(t, j.Rewrite(&State{Holds: make([]Hold, 10_000)}), unix.ENOSPC)
	must(t, unix.Mount("none", dir, "tmpfs", unix.MS_REMOUNT, "size=128k"))
	must(t, j.Append(granted(id+2)))
	j, s := openAt(t, path, thisBoot)
	if j.Skipped() == 0 {
		t.Error("nothing is said of what is torn")
	}
	equal(t, "the number of holds", len(s.Holds), int(torn-1)+1)
	equal(t, "the last hold", s.Holds[len(s.Holds)-1].ID, torn+2)
	must(t, j.Rewrite(&State{Holds: s.Holds[:1]}))
	_, s = openAt(t, path, thisBoot)
	wantIDs(t, s, 1)
}

func BenchmarkAppend(b *testing.B) {
	j, _ := openAt(b, b.TempDir()+"/journal", thisBoot)
	c := granted(1)
	b.ReportAllocs()
	for b.Loop() {
		must(b, j.Append(c))
	}
}
