package lockspace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// model is what the table should be: files with those who hold them and those
// who wait, in order. It knows neither inodes nor turns nor goroutines.
type model struct {
	*rig
	owners  []Holder
	files   []modelFile
	waiters []*modelWaiter
}

// modelFile is one file; it has two names unless it is autocreated.
type modelFile struct {
	names []Name
	auto  bool
	holds []modelHold
}

type modelHold struct {
	owner int
	name  Name
	mode  Mode
}

// want is a lock that somebody asks for.
type want struct {
	file int
	name Name
	mode Mode
}

type modelWaiter struct {
	call  *waiting
	owner int
	wants []want
}

func newModel(t *rapid.T, dir string) *model {
	m := &model{rig: newRigIn(t, dir)}
	second := filepath.Join(dir, "second")
	must(t, m.table.CreateSpace(second, 0))
	for _, of := range []string{"a", "b"} {
		path := m.file(of)
		alias := m.alias(of, of+".alias")
		m.files = append(m.files, modelFile{names: []Name{{"", path}, {"", alias}, m.name(of)}})
	}
	for _, space := range []string{dir, second} {
		m.files = append(m.files, modelFile{names: []Name{{space, "auto"}}, auto: true})
	}
	for i := range 3 {
		m.owners = append(m.owners, m.owner(fmt.Sprint(i)))
	}
	return m
}

// close takes everything away and looks whether the table is empty then.
func (m *model) close() {
	for i := range m.owners {
		m.endOwner(i)
	}
	m.clean()
	if n := m.descriptors(); n != 0 {
		m.t.Errorf("%d descriptors are left", n)
	}
	must(m.t, os.RemoveAll(m.dir))
}

// free says whether nobody holds what is in the way, or has waited since before
// for those who hold it.
func (m *model) free(wants []want, before []*modelWaiter) bool {
	for _, w := range wants {
		if m.kept(w) {
			return false
		}
		for _, b := range before {
			if slices.ContainsFunc(b.wants, func(x want) bool {
				return x.file == w.file && conflict(x.mode, w.mode) && m.kept(x)
			}) {
				return false
			}
		}
	}
	return true
}

// kept says whether somebody holds what keeps a want out.
func (m *model) kept(w want) bool {
	return slices.ContainsFunc(m.files[w.file].holds, func(h modelHold) bool { return conflict(h.mode, w.mode) })
}

func (m *model) grant(owner int, wants []want) {
	for _, w := range wants {
		f := &m.files[w.file]
		f.holds = append(f.holds, modelHold{owner, w.name, w.mode})
	}
}

// promote grants to those who wait what they can have by now.
func (m *model) promote() {
	for i := 0; i < len(m.waiters); i++ {
		w := m.waiters[i]
		if m.free(w.wants, m.waiters[:i]) {
			w.call.granted()
			m.grant(w.owner, w.wants)
			m.waiters = slices.Delete(m.waiters, i, i+1)
			i = -1
		}
	}
}

func (m *model) requests(wants []want) (list []Request) {
	for _, w := range wants {
		list = append(list, Request{Name: w.name, Mode: w.mode, Autocreate: m.files[w.file].auto})
	}
	return list
}

func (m *model) drawOwner(t *rapid.T) int { return rapid.IntRange(0, len(m.owners)-1).Draw(t, "owner") }

func drawMode(t *rapid.T) Mode { return rapid.SampledFrom([]Mode{Exclusive, Shared}).Draw(t, "mode") }

// drawWants draws a list of some of the files, in any order.
func (m *model) drawWants(t *rapid.T, files []int, aliases bool) (wants []want) {
	files = rapid.Permutation(files).Draw(t, "files")
	for _, i := range files[:rapid.IntRange(1, len(files)).Draw(t, "count")] {
		name := m.files[i].names[0]
		if aliases {
			name = rapid.SampledFrom(m.files[i].names).Draw(t, "name")
		}
		wants = append(wants, want{i, name, drawMode(t)})
	}
	return wants
}

func (m *model) acquire(t *rapid.T) {
	owner, wants := m.drawOwner(t), m.drawWants(t, []int{0, 1, 2, 3}, true)
	overtake := rapid.Bool().Draw(t, "overtake")
	before := m.waiters
	if overtake {
		before = nil
	}
	_, err := m.table.Acquire(context.Background(), m.owners[owner], m.requests(wants), Options{Overtake: overtake})
	if m.free(wants, before) {
		must(t, err)
		m.grant(owner, wants)
	} else {
		wantAs[*BusyError](t, err)
	}
}

// wait waits for one file of two names, or for a list of the others.
func (m *model) waitFor(t *rapid.T) {
	choice := rapid.SampledFrom([][]int{{0}, {1}, {2, 3}}).Draw(t, "choice")
	owner, wants := m.drawOwner(t), m.drawWants(t, choice, false)
	call := m.rig.wait(m.owners[owner], m.requests(wants)...)
	if m.free(wants, m.waiters) {
		call.granted()
		m.grant(owner, wants)
	} else {
		m.waiters = append(m.waiters, &modelWaiter{call, owner, wants})
	}
}

func (m *model) giveUp(t *rapid.T) {
	if len(m.waiters) == 0 {
		t.Skip("nobody waits")
	}
	i := rapid.IntRange(0, len(m.waiters)-1).Draw(t, "waiter")
	w := m.waiters[i]
	m.waiters = slices.Delete(m.waiters, i, i+1)
	w.call.cancel(context.Canceled)
	wantErr(t, w.call.end(), context.Canceled)
	m.promote()
}

// release gives back something that is held, or tries to give back what is not.
func (m *model) release(t *rapid.T) {
	owner := m.drawOwner(t)
	f := &m.files[rapid.IntRange(0, len(m.files)-1).Draw(t, "file")]
	name := rapid.SampledFrom(f.names).Draw(t, "name")
	_, err := m.table.Release(context.Background(), m.owners[owner], []Name{name})
	named := slices.ContainsFunc(f.holds, func(h modelHold) bool { return h.name == name })
	mine := slices.IndexFunc(f.holds, func(h modelHold) bool { return h.name == name && h.owner == owner })
	switch {
	case mine >= 0:
		must(t, err)
		f.holds = slices.Delete(f.holds, mine, mine+1)
		m.promote()
	case named:
		wantAs[*NotHolderError](t, err)
	default:
		wantAs[*NotLockedError](t, err)
	}
}

func (m *model) end(t *rapid.T) { m.endOwner(m.drawOwner(t)) }

func (m *model) endOwner(owner int) {
	m.table.End(m.owners[owner].Owner, OwnerExited)
	m.owners[owner].Owner = new(Owner)
	m.waiters = slices.DeleteFunc(m.waiters, func(w *modelWaiter) bool {
		if w.owner == owner {
			wantErr(m.t, w.call.end(), ErrOwnerGone)
		}
		return w.owner == owner
	})
	for i := range m.files {
		f := &m.files[i]
		f.holds = slices.DeleteFunc(f.holds, func(h modelHold) bool { return h.owner == owner })
	}
	m.promote()
}

// remove tries to remove an autocreated file, which works unless it is held.
func (m *model) remove(t *rapid.T) {
	f := m.files[rapid.IntRange(2, 3).Draw(t, "file")]
	err := m.table.DeleteResource(context.Background(), f.names[0])
	if len(f.holds) > 0 {
		wantAs[*BusyError](t, err)
	} else {
		must(t, err)
	}
}

// check compares the table and the kernel with the model.
func (m *model) check(*rapid.T) {
	m.settle()
	var wanted, got []string
	holders, locks := 0, make(map[Name]bool)
	for _, f := range m.files {
		kind := int16(unix.F_UNLCK)
		for _, h := range f.holds {
			wanted = append(wanted, fmt.Sprint(h.name, h.mode, m.owners[h.owner].Identity.Name))
			locks[h.name] = true
			holders++
			kind = map[Mode]int16{Exclusive: unix.F_WRLCK, Shared: unix.F_RDLCK}[h.mode]
		}
		m.checkFile(f, kind)
	}
	for _, l := range m.table.Locks() {
		for _, h := range l.Holders {
			got = append(got, fmt.Sprint(l.Name, l.Mode, h.Identity.Name))
		}
	}
	slices.Sort(wanted)
	slices.Sort(got)
	if !slices.Equal(wanted, got) {
		m.t.Fatalf("held is\n%v, not\n%v", got, wanted)
	}
	for _, w := range m.waiters {
		select {
		case <-w.call.done:
			m.t.Fatalf("a call for %v ended: %v", w.wants, w.call.err)
		default:
		}
	}
	if x := m.table.Totals(); x.Holders != holders || x.Locks != len(locks) || x.Waiters != len(m.waiters) {
		m.t.Fatalf("%+v with %d holders, %d locks, %d waiters", x, holders, len(locks), len(m.waiters))
	}
}

func (m *model) checkFile(f modelFile, kind int16) {
	path := f.names[0].Path()
	if f.auto && kind == unix.F_UNLCK {
		// A waiting list may be making and removing it just now.
		if _, err := os.Stat(path); len(m.waiters) == 0 && !errors.Is(err, os.ErrNotExist) {
			m.t.Fatalf("%s is there: %v", path, err)
		}
		return
	}
	if got := kernelLock(m.t, path); got != kind {
		m.t.Fatalf("the kernel's lock on %s is %d, not %d", path, got, kind)
	}
}

func TestModel(t *testing.T) {
	root, n := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		m := newModel(t, filepath.Join(root, fmt.Sprint(n)))
		t.Repeat(map[string]func(*rapid.T){
			"":        m.check,
			"acquire": m.acquire,
			"wait":    m.waitFor,
			"give up": m.giveUp,
			"release": m.release,
			"end":     m.end,
			"remove":  m.remove,
		})
		m.close()
	})
}
