package lockspace

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"virtlock/daemon/internal/filelock"
)

func TestAutocreate(t *testing.T) {
	r := newRig(t)
	o := r.owner("o")
	must(t, os.Mkdir(r.dir+"/sub", 0o700))
	for _, req := range []Request{
		r.auto("disk", Exclusive), r.auto("disk", Shared), r.auto("sub/disk", Exclusive),
		{Name: Name{"", r.dir + "/disk"}, Autocreate: true},
	} {
		r.take(o, req)
		if _, err := os.Stat(req.Path()); err != nil {
			t.Error(err)
		}
		r.free(o, req.Name)
		if _, err := os.Stat(req.Path()); err == nil {
			t.Errorf("%v is still there", req.Name)
		}
	}
	r.clean()
}

func TestFilesThatStay(t *testing.T) {
	for _, test := range []struct {
		what  string
		setup func(r *rig) // while it is held
		held  bool         // autocreated
		kept  bool         // and the table says why
	}{
		{"without autocreate", func(*rig) {}, false, false},
		{"with data in it", func(r *rig) { must(r.t, os.WriteFile(r.dir+"/disk", []byte("data"), 0o600)) }, true, true},
		{"replaced", func(r *rig) { must(r.t, os.Remove(r.dir+"/disk")); r.file("disk") }, true, false},
		{"replaced by a directory", func(r *rig) {
			must(r.t, os.Remove(r.dir+"/disk"))
			must(r.t, os.Mkdir(r.dir+"/disk", 0o700))
		}, true, false},
	} {
		r := newRig(t)
		o := r.owner("o")
		r.file("disk")
		req := r.auto("disk", Exclusive)
		req.Autocreate = test.held
		r.take(o, req)
		test.setup(r)
		r.free(o, r.name("disk"))
		if !r.exists("disk") {
			t.Errorf("%s: the file is gone", test.what)
		}
		last := r.changes[len(r.changes)-1]
		if kept := last.Kind == FileKept; kept != test.kept || kept && last.Err == nil {
			t.Errorf("%s: last change is %+v", test.what, last)
		}
		r.clean()
	}
}

// An autocreated file is removed with its last name, and not before.
func TestAutocreatedAlias(t *testing.T) {
	r := newRig(t)
	o := r.owner("o")
	r.take(o, r.auto("disk", Shared))
	r.alias("disk", "alias")
	r.take(o, r.auto("alias", Shared))
	r.free(o, r.name("disk"))
	if !r.exists("disk") {
		t.Error("a name was removed while the file was held under another")
	}
	r.free(o, r.name("alias"))
	if r.exists("alias") {
		t.Error("the last name is still there")
	}
	r.clean()
}

// The file may be replaced between opening and locking it: its lock would be
// on a file that nobody else ever opens.
func TestFileReplacedBeforeItIsLocked(t *testing.T) {
	for _, auto := range []bool{false, true} {
		r := newRig(t)
		o := r.owner("o")
		path := r.file("disk")
		goOn := r.hang(path)
		w := r.start(func() error { return r.try(o, Request{Name: r.name("disk"), Autocreate: auto}) })
		r.eventually("the file is open", func() bool { return r.descriptors() == 1 })
		must(t, os.Rename(path, path+".old"))
		r.file("disk")
		goOn()
		must(t, <-w)
		r.wantKernel("disk", unix.F_WRLCK)
		r.wantKernel("disk.old", unix.F_UNLCK)
		id, err := filelock.Identify(path)
		must(t, err)
		if got := r.table.Locks()[0].File; got != id {
			t.Errorf("locked %v, not %v", got, id)
		}
		r.table.End(o.Owner, OwnerExited)
		if n := r.descriptors(); n != 0 {
			t.Errorf("%d descriptors left", n)
		}
		r.clean()
	}
}

// start runs f on another goroutine.
func (r *rig) start(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return done
}

func TestFailedListLeavesNoTrace(t *testing.T) {
	r := newRig(t)
	a, o := r.owner("a"), r.owner("o")
	alias := func(of string) Request { return r.auto(of+".alias", Exclusive) }
	r.take(a, r.auto("busy", Exclusive))
	r.alias("busy", "busy.alias")
	r.file("plain")
	r.alias("plain", "plain.alias")
	r.file("foreign")
	defer r.foreign("foreign", Exclusive)()
	for what, bad := range map[string][]Request{
		"busy":         {r.auto("busy", Exclusive)},
		"busy alias":   {alias("busy")},
		"foreign":      {r.auto("foreign", Exclusive)},
		"missing":      {{Name: r.name("missing")}},
		"bad name":     {{Name: r.name("../x")}},
		"no lockspace": {{Name: Name{"/nowhere", "x"}}},
		"one name":     {r.auto("twice", Exclusive), r.auto("twice", Exclusive)},
		"one file":     {{Name: r.name("plain")}, {Name: r.name("plain.alias"), Mode: Shared}},
	} {
		for place := range 3 {
			good := []Request{r.auto("new1", Exclusive), r.auto("new2", Shared)}
			list := append(append(append([]Request{}, good[:place]...), bad...), good[place:]...)
			if _, err := r.table.Acquire(context.Background(), o, list, Options{}); err == nil {
				t.Fatalf("%s: granted", what)
			}
			left, err := os.ReadDir(r.dir)
			must(t, err)
			if len(left) != 5 {
				t.Errorf("%s at %d leaves %v", what, place, left)
			}
			if got := r.table.Totals(); got.Holders != 1 || got.Locks != 1 {
				t.Errorf("%s at %d leaves %+v", what, place, got)
			}
			if n := r.descriptors(); n != 2 { // of a, and the foreign one
				t.Errorf("%s at %d leaves %d descriptors", what, place, n)
			}
		}
	}
	r.free(a, r.name("busy"))
	r.clean()
}

// The list's files are created before their turns are taken: a call that gives
// up in between takes them away again.
func TestCancelledListLeavesNoFile(t *testing.T) {
	r := newRig(t)
	path := r.file("slow")
	goOn := r.hang(path)
	ctx, cancel := context.WithCancelCause(context.Background())
	gaveUp := fmt.Errorf("gave up")
	done := r.start(func() error {
		_, err := r.table.Acquire(ctx, r.owner("o"), []Request{direct(path, Exclusive), r.auto("new", Exclusive), r.auto("newer", Exclusive)}, Options{})
		return err
	})
	r.eventually("all files are open", func() bool { return r.descriptors() == 3 })
	cancel(gaveUp)
	wantErr(t, <-done, gaveUp)
	goOn()
	if left, _ := filepath.Glob(r.dir + "/new*"); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	if n := r.descriptors(); n != 0 {
		t.Errorf("left %d descriptors", n)
	}
	r.clean()
}

func TestListsOfOneFile(t *testing.T) {
	r := newRig(t)
	o := r.owner("o")
	path, hard := r.file("disk.img"), r.alias("disk.img", "hard.img")
	for _, m := range [][2]Mode{{Exclusive, Exclusive}, {Shared, Exclusive}, {Exclusive, Shared}} {
		for _, names := range [][2]string{{path, path}, {path, hard}} {
			e := wantAs[*SameFileError](t, r.try(o, direct(names[0], m[0]), direct(names[1], m[1])))
			if e.First.Name != names[0] || e.Second.Name != names[1] {
				t.Errorf("%+v", e)
			}
		}
	}
	// Shared, a list may name a file twice, but not by the same name.
	wantAs[*SameFileError](t, r.try(o, direct(path, Shared), direct(path, Shared)))
	locks := r.take(o, direct(path, Shared), direct(hard, Shared))
	if n := r.descriptors(); len(locks) != 2 || n != 2 {
		t.Errorf("%d descriptors for %v", n, locks)
	}
	r.free(o, Name{"", path}, Name{"", hard})
	if n := r.descriptors(); n != 0 {
		t.Errorf("%d descriptors left", n)
	}
	r.clean()
}

func TestLongLists(t *testing.T) {
	r := newRig(t)
	a, b := r.owner("a"), r.owner("b")
	var list []Request
	var names []Name
	for i := range 100 {
		list = append(list, r.auto(fmt.Sprint("disk", i), Mode(i%2)))
		names = append(names, list[i].Name)
	}
	r.take(b, list[1]) // joined with what is new
	r.take(a, list...)
	if got := r.table.Totals(); got.Locks != 100 || got.Holders != 101 {
		t.Errorf("%+v", got)
	}
	r.free(b, names[1])
	r.free(a, names...)
	if left, _ := os.ReadDir(r.dir); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	r.clean()
}
