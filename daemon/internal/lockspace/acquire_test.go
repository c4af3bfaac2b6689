package lockspace

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"virtlock/daemon/internal/filelock"
)

func TestModes(t *testing.T) {
	for _, test := range []struct {
		first, second Mode
		refused       bool
	}{
		{Exclusive, Exclusive, true},
		{Exclusive, Shared, true},
		{Shared, Exclusive, true},
		{Shared, Shared, false},
	} {
		r := newRig(t)
		a, b := r.owner("a"), r.owner("b")
		r.take(a, r.auto("disk", test.first))
		err := r.try(b, r.auto("disk", test.second))
		if !test.refused {
			must(t, err)
			r.free(b, r.name("disk"))
		} else {
			busy := wantAs[*BusyError](t, err)
			if busy.Name != r.name("disk") || len(busy.Held) != 1 || busy.Held[0].Holders[0].Identity != a.Identity {
				t.Errorf("refused with %+v", busy)
			}
			// It is no matter of who asks.
			r.refuse(a, r.auto("disk", test.second))
		}
		r.free(a, r.name("disk"))
		must(t, r.try(b, r.auto("disk", test.second)))
		r.free(b, r.name("disk"))
		r.clean()
	}
}

func TestGrantedMeansHeld(t *testing.T) {
	r := newRig(t)
	a := r.owner("a")
	locks := r.take(a, r.auto("exclusive", Exclusive), r.auto("shared", Shared))
	r.wantKernel("exclusive", unix.F_WRLCK)
	r.wantKernel("shared", unix.F_RDLCK)
	for i, want := range []struct {
		name string
		mode Mode
	}{{"exclusive", Exclusive}, {"shared", Shared}} {
		id, err := filelock.Identify(filepath.Join(r.dir, want.name))
		must(t, err)
		l := locks[i]
		if l.Name != r.name(want.name) || l.Mode != want.mode || !l.Autocreate || l.File != id || l.Inode != id.Inode ||
			len(l.Holders) != 1 || l.Holders[0].Identity != a.Identity || l.Holders[0].Client != 1 || l.Holders[0].Since.IsZero() {
			t.Errorf("granted %+v", l)
		}
	}
	r.table.End(a.Owner, OwnerExited)
	r.clean()
}

func TestSharedLocks(t *testing.T) {
	r := newRig(t)
	a, b := r.owner("a"), r.owner("b")
	r.take(a, r.auto("disk", Shared))
	r.take(b, r.auto("disk", Shared))
	r.take(b, r.auto("disk", Shared)) // twice by one owner
	if n := r.descriptors(); n != 1 {
		t.Errorf("%d descriptors for one name", n)
	}
	if got := r.table.Totals(); got.Locks != 1 || got.Holders != 3 || got.Granted != 3 {
		t.Errorf("totals %+v", got)
	}
	for _, h := range []Holder{b, a} {
		r.free(h, r.name("disk"))
		r.wantKernel("disk", unix.F_RDLCK)
		r.refuse(a, r.auto("disk", Exclusive))
	}
	if left := r.free(b, r.name("disk")); len(left[0].Holders) != 0 {
		t.Errorf("left %+v", left)
	}
	if r.exists("disk") {
		t.Error("the file is still there")
	}
	r.clean()
}

func TestTwoNamesOfOneFileAreOneResource(t *testing.T) {
	r := newRig(t)
	path := r.file("disk.img")
	hard := r.alias("disk.img", "hard.img")
	symlink := filepath.Join(t.TempDir(), "link.img")
	must(t, os.Symlink(path, symlink))
	dots := r.dir + "/../" + filepath.Base(r.dir) + "/disk.img"
	names := []Name{{"", path}, {"", hard}, {"", symlink}, {"", dots}, r.name("disk.img"), r.name("hard.img")}
	a, b := r.owner("a"), r.owner("b")
	for _, first := range names {
		for _, second := range names {
			if first == second {
				continue
			}
			r.take(a, Request{Name: first})
			for _, m := range []Mode{Exclusive, Shared} {
				busy := r.refuse(b, Request{Name: second, Mode: m})
				if busy.Name != second || len(busy.Held) != 1 || busy.Held[0].Name != first || busy.Foreign != nil {
					t.Errorf("%v beside %v is refused with %+v", second, first, busy)
				}
			}
			r.free(a, first)

			r.take(a, Request{Name: first, Mode: Shared})
			r.take(b, Request{Name: second, Mode: Shared})
			r.refuse(b, Request{Name: second})
			r.free(a, first) // must not drop the kernel's lock through the second name
			r.wantKernel("disk.img", unix.F_RDLCK)
			r.refuse(a, Request{Name: first})
			r.free(b, second)
			r.wantKernel("disk.img", unix.F_UNLCK)
		}
	}
	r.clean()
}

func TestInspect(t *testing.T) {
	r := newRig(t)
	path, hard := r.file("disk.img"), r.alias("disk.img", "hard.img")
	third := r.alias("disk.img", "third.img")
	a, b := r.owner("a"), r.owner("b")
	_, _, _, err := r.table.Inspect(Name{"", path})
	wantAs[*NotLockedError](t, err)
	r.take(a, direct(path, Shared))
	r.take(b, direct(hard, Shared))
	w := []*waiting{
		r.wait(r.owner("w0"), direct(hard, Exclusive)),
		r.wait(r.owner("w1"), direct(path, Shared)),
		r.wait(r.owner("w2"), r.auto("third.img", Exclusive)),
	}
	for _, test := range []struct {
		asked, lock, alias string
	}{{path, path, hard}, {hard, hard, path}, {third, path, hard}} {
		lock, aliases, waiters, err := r.table.Inspect(Name{"", test.asked})
		must(t, err)
		if lock.Name.Name != test.lock || len(aliases) != 1 || aliases[0].Name.Name != test.alias {
			t.Errorf("%s: %v, also %v", test.asked, lock, aliases)
		}
		if len(waiters) != 3 {
			t.Fatalf("%s: %d waiters", test.asked, len(waiters))
		}
		for i, x := range waiters {
			if want := []Mode{Exclusive, Shared, Exclusive}[i]; x.Identity.Name != "w"+string(rune('0'+i)) || x.Mode != want || x.Since.IsZero() {
				t.Errorf("%s: waiter %d is %+v", test.asked, i, x)
			}
		}
	}
	for _, free := range []Name{{"", path + "x"}, r.name("nothing"), {"", r.dir}, {"", "relative"}} {
		_, _, _, err := r.table.Inspect(free)
		if e := wantAs[*NotLockedError](t, err); e.Name != free {
			t.Errorf("%v: %v", free, e)
		}
	}
	_, _, _, err = r.table.Inspect(Name{"/nowhere", "x"})
	wantAs[*NoSpaceError](t, err)
	for _, x := range slices.Backward(w) {
		x.cancel(context.Canceled)
		wantErr(t, x.end(), context.Canceled)
	}
	r.table.End(a.Owner, OwnerExited)
	r.table.End(b.Owner, OwnerExited)
	r.clean()
}

func TestBadNames(t *testing.T) {
	r := newRig(t)
	o := r.owner("o")
	long := "/" + strings.Repeat("x", maxName)
	for space, names := range map[string][]string{
		r.dir: {
			"", ".", "..", "/", "../x", "a/../../x", "a/..", "/etc/passwd", "a//b", "a/", "./a", "a/./b",
			"a\x00b", "a\nb", "a\x1bb", "a\x7f", "a\u0085", "\xff", long[1:] + "x",
		},
		"": {"", "x", "../x", "./x", "a/b", "/a\x00b", "/a\nb", "/\xff", long},
	} {
		for _, name := range names {
			n := Name{space, name}
			e := wantAs[*NameError](t, r.try(o, Request{Name: n, Autocreate: true}))
			if e.What != "resource name" || e.Name != name || e.Reason == "" {
				t.Errorf("%+v", e)
			}
			wantAs[*NameError](t, r.table.CreateResource(n))
			wantAs[*NameError](t, r.table.DeleteResource(t.Context(), n))
			wantAs[*NotLockedError](t, func() error { _, err := r.table.Release(t.Context(), o, []Name{n}); return err }())
		}
	}
	n := Name{"/nowhere", "x"}
	for _, err := range []error{r.try(o, Request{Name: n}), r.table.CreateResource(n), r.table.DeleteResource(t.Context(), n)} {
		if e := wantAs[*NoSpaceError](t, err); e.Path != "/nowhere" {
			t.Error(e)
		}
	}
	if left, _ := os.ReadDir(r.dir); len(left) > 0 {
		t.Errorf("the directory has %v", left)
	}
	r.clean()
}

func TestBadFiles(t *testing.T) {
	r := newRig(t)
	o := r.owner("o")
	must(t, os.Mkdir(r.dir+"/directory", 0o700))
	must(t, unix.Mkfifo(r.dir+"/fifo", 0o600))
	must(t, os.Symlink("/etc/hostname", r.dir+"/link"))
	must(t, os.Symlink("/tmp", r.dir+"/out"))
	for _, test := range []struct {
		request Request
		action  string
		want    error
	}{
		{Request{Name: r.name("missing")}, "open", unix.ENOENT},
		{Request{Name: r.name("directory")}, "open", unix.EISDIR},
		{Request{Name: r.name("fifo")}, "open", filelock.ErrNotLockable},
		{Request{Name: r.name("link")}, "open", unix.ELOOP},
		{r.auto("out/x", Exclusive), "create", unix.ELOOP},
		{r.auto("no/x", Exclusive), "create", unix.ENOENT},
		{direct(r.dir, Exclusive), "open", unix.EISDIR},
		{direct("/dev/null", Exclusive), "open", filelock.ErrNotLockable},
	} {
		err := r.try(o, test.request)
		wantErr(t, err, test.want)
		if e := wantAs[*FileError](t, err); e.Name != test.request.Name || e.Action != test.action {
			t.Errorf("%+v", e)
		}
	}
	r.clean()
}

func TestForeignLocks(t *testing.T) {
	r := newRig(t)
	o := r.owner("o")
	r.file("disk")
	unlock := r.foreign("disk", Exclusive)
	if busy := r.refuse(o, r.auto("disk", Shared)); busy.Foreign == nil || len(busy.Held) > 0 {
		t.Errorf("refused with %+v", busy)
	}
	if !r.exists("disk") {
		t.Error("another program's lock file was removed")
	}
	unlock()
	unlock = r.foreign("disk", Shared)
	r.refuse(o, r.auto("disk", Exclusive))
	r.take(o, r.auto("disk", Shared))
	r.free(o, r.name("disk"))
	if !r.exists("disk") {
		t.Error("a lock file was removed under another program's shared lock")
	}
	unlock()
	r.take(o, r.auto("disk", Exclusive))
	r.free(o, r.name("disk"))
	if r.exists("disk") {
		t.Error("the file is still there")
	}
	r.clean()
}

func TestErrorTexts(t *testing.T) {
	in, plain := Name{"/d", "n"}, Name{"", "/p"}
	for _, test := range []struct {
		err  error
		want string
	}{
		{&BusyError{Name: in, Held: make([]Lock, 1)}, `resource "n" in lockspace "/d" is locked`},
		{&BusyError{Name: plain, Waiting: new(Hold)}, `resource "/p" is waited for`},
		{&BusyError{Name: plain}, `resource "/p" is in use by another call that has not ended`},
		{&BusyError{Name: plain, Foreign: &filelock.LockedError{PID: 7}}, `resource "/p" is locked by process 7`},
		{&NameError{"resource name", "x\n", "has a control character"}, `resource name "x\n" has a control character`},
		{&NoSpaceError{"/d"}, `no lockspace "/d"`},
		{&SpaceExistsError{"/d"}, `lockspace "/d" exists already`},
		{&SameFileError{in, in}, `resource "n" in lockspace "/d" is named twice`},
		{&SameFileError{in, plain}, `resources "n" in lockspace "/d" and "/p" are one file`},
		{&NotLockedError{in}, `resource "n" in lockspace "/d" is not locked`},
		{&NotHolderError{Name: in}, `resource "n" in lockspace "/d" is locked by another owner`},
		{&FileError{in, "open", unix.ENOENT}, `open "/d/n": no such file or directory`},
	} {
		if got := test.err.Error(); got != test.want {
			t.Errorf("%q, not %q", got, test.want)
		}
	}
}
