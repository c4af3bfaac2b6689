package lockspace

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"virtlock/daemon/internal/filelock"
)

func TestCreateSpace(t *testing.T) {
	r := newRig(t)
	deep := filepath.Join(r.dir, "deep", "er")
	must(t, r.table.CreateSpace(deep, 0))
	if st, err := os.Stat(deep); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", st, err)
	}
	r.take(r.owner("o"), Request{Name: Name{deep, "x"}, Autocreate: true})
	if got, want := r.table.Spaces(), []Space{{"", 0}, {r.dir, 0}, {deep, 1}}; !slices.Equal(got, want) {
		t.Errorf("%v, not %v", got, want)
	}
	for _, again := range []string{"", r.dir, deep} {
		if e := wantAs[*SpaceExistsError](t, r.table.CreateSpace(again, 0)); e.Path != again {
			t.Error(e)
		}
	}
	for _, bad := range []string{"relative", "./x", "/a\nb", "/a\x00b", "/\xff"} {
		if e := wantAs[*NameError](t, r.table.CreateSpace(bad, 0)); e.What != "lockspace path" || e.Name != bad {
			t.Errorf("%+v", e)
		}
	}
	file := r.file("file")
	for path, want := range map[string]error{file: ErrNotDirectory, file + "/x": unix.ENOTDIR, "/proc/nothing": unix.ENOENT} {
		err := r.table.CreateSpace(path, 0)
		wantErr(t, err, want)
		if e := wantAs[*FileError](t, err); e.Path() != path || e.Action != "make directory" {
			t.Errorf("%+v", e)
		}
	}
	if got := r.table.Totals().Spaces; got != 3 {
		t.Errorf("%d lockspaces", got)
	}
}

func TestCreateSpaceTwiceAtOnce(t *testing.T) {
	r := newRig(t)
	dir := r.dir + "/new"
	create := func() error { return r.table.CreateSpace(dir, 0) }
	x, y := r.start(create), r.start(create)
	if a, b := <-x, <-y; (a == nil) == (b == nil) {
		t.Errorf("%v and %v", a, b)
	}
}

// Two lockspaces may be one directory; their resources are the same files.
func TestTwoSpacesOfOneDirectory(t *testing.T) {
	r := newRig(t)
	again := r.dir + "/."
	must(t, r.table.CreateSpace(again, 0))
	a := r.owner("a")
	r.take(a, r.auto("disk", Exclusive))
	r.refuse(r.owner("b"), Request{Name: Name{again, "disk"}, Autocreate: true})
	r.free(a, r.name("disk"))
	r.clean()
}

func TestResources(t *testing.T) {
	r := newRig(t)
	a := r.owner("a")
	disk := r.name("disk")
	remove := func(n Name) error { return r.table.DeleteResource(t.Context(), n) }
	must(t, r.table.CreateResource(disk))
	must(t, r.table.CreateResource(disk))
	must(t, r.table.CreateResource(Name{"", r.dir + "/direct"}))
	if !r.exists("disk") || !r.exists("direct") {
		t.Error("files are missing")
	}
	r.alias("disk", "alias")

	r.take(a, Request{Name: disk})
	if busy := wantAs[*BusyError](t, r.table.CreateResource(disk)); len(busy.Held) != 1 {
		t.Errorf("%+v", busy)
	}
	for _, n := range []Name{disk, r.name("alias"), {"", r.dir + "/alias"}} {
		if busy := wantAs[*BusyError](t, remove(n)); len(busy.Held) != 1 || busy.Name != n {
			t.Errorf("%+v", busy)
		}
	}
	r.free(a, disk)

	unlock := r.foreign("alias", Shared)
	if busy := wantAs[*BusyError](t, remove(disk)); busy.Foreign == nil {
		t.Errorf("%+v", busy)
	}
	unlock()

	for range 2 { // what is missing is no error
		must(t, remove(disk))
		must(t, remove(r.name("alias")))
		must(t, remove(Name{"", r.dir + "/direct"}))
	}
	must(t, os.WriteFile(r.dir+"/data", []byte("data"), 0o600))
	err := remove(r.name("data"))
	wantErr(t, err, filelock.ErrNotEmpty)
	wantAs[*FileError](t, err)
	must(t, os.Mkdir(r.dir+"/directory", 0o700))
	wantErr(t, remove(r.name("directory")), unix.EISDIR)
	wantErr(t, r.table.CreateResource(r.name("directory")), unix.EISDIR)
	wantErr(t, r.table.CreateResource(r.name("no/x")), unix.ENOENT)
	if left, _ := os.ReadDir(r.dir); len(left) != 2 || r.descriptors() != 0 {
		t.Errorf("left %v, %d descriptors", left, r.descriptors())
	}
	r.clean()
}

// Who waits for a list and knows one of its files hears that it is no more.
func TestDeleteCallsThoseWhoKnowTheFile(t *testing.T) {
	r := newRig(t)
	a := r.owner("a")
	r.take(a, r.auto("busy", Exclusive))
	r.alias("busy", "alias")
	r.file("plain")
	w := r.wait(r.owner("b"), Request{Name: r.name("plain")}, r.auto("alias", Exclusive))
	w.waits()
	must(t, r.table.DeleteResource(t.Context(), r.name("plain")))
	wantErr(t, w.end(), unix.ENOENT)
	r.free(a, r.name("busy"))
	r.clean()
}

func TestLocks(t *testing.T) {
	r := newRig(t)
	a := r.owner("a")
	var want []Name
	for i := range 2*batch + 10 {
		n := r.name(fmt.Sprintf("disk%04d", i))
		want = append(want, n)
		r.take(a, Request{Name: n, Autocreate: true})
	}
	path := r.file("direct")
	r.take(a, direct(path, Shared))
	want = append([]Name{{"", path}}, want...)
	var got []Name
	for _, l := range r.table.Locks() {
		got = append(got, l.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d locks, not %d", len(got), len(want))
	}
	r.table.End(a.Owner, OwnerExited)
	if locks := r.table.Locks(); locks == nil || len(locks) > 0 {
		t.Errorf("%v", locks)
	}
	r.clean()
}

// What is asked for and cannot be done is not reported as done.
func TestDeleteResourceKeepsLinks(t *testing.T) {
	r := newRig(t)
	must(t, os.Truncate(r.file("empty.img"), 0))
	alias := filepath.Join(r.dir, "alias.img")
	must(t, os.Symlink("empty.img", alias))
	err := r.table.DeleteResource(context.Background(), Name{"", alias})
	wantErr(t, err, filelock.ErrNotLockFile)
	if _, err := os.Lstat(alias); err != nil {
		t.Error(err)
	}
}

func TestAutocreateDoesNotFollowADanglingLink(t *testing.T) {
	r := newRig(t)
	link := filepath.Join(r.dir, "link.img")
	must(t, os.Symlink(filepath.Join(r.dir, "target.img"), link))
	o := r.owner("guest")
	_, err := r.table.Acquire(context.Background(), o, []Request{{Name: Name{"", link}, Autocreate: true}}, Options{})
	wantErr(t, err, unix.ELOOP)
	if _, err := os.Lstat(filepath.Join(r.dir, "target.img")); !os.IsNotExist(err) {
		t.Errorf("the link's target: %v", err)
	}
}
