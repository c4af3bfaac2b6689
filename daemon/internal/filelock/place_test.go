package filelock

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestPath(t *testing.T) {
	for _, test := range []struct {
		place Place
		want  string
	}{
		{Place{"", "/a/b"}, "/a/b"},
		{Place{"/a", "b"}, "/a/b"},
		{Place{"/a", "b/c"}, "/a/b/c"},
	} {
		if got := test.place.Path(); got != test.want {
			t.Errorf("%#v: %q, not %q", test.place, got, test.want)
		}
	}
}

// names are the ways in which a file "sub/file" below dir can be named.
func names(dir string) []Place {
	return []Place{{"", dir + "/sub/file"}, {dir + "/sub", "file"}, {dir, "sub/file"}}
}

func tree(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	must(t, os.Mkdir(dir+"/sub", 0o700))
	must(t, os.WriteFile(dir+"/sub/file", nil, 0o600))
	return dir
}

func TestNamesAndRemove(t *testing.T) {
	tests := []struct {
		what    string
		change  func(t *testing.T, path string)
		named   [3]bool // by each of names
		removed bool
		fails   error // of Remove
	}{
		{"untouched", func(*testing.T, string) {}, [3]bool{true, true, true}, true, nil},
		{"removed", func(t *testing.T, path string) { must(t, os.Remove(path)) }, [3]bool{}, true, nil},
		{"replaced", func(t *testing.T, path string) {
			must(t, os.WriteFile(path+"2", nil, 0o600))
			must(t, os.Rename(path+"2", path))
		}, [3]bool{}, false, nil},
		{"replaced by a link to it", func(t *testing.T, path string) {
			must(t, os.Rename(path, path+"2"))
			must(t, os.Symlink(path+"2", path))
		}, [3]bool{true, false, false}, false, nil},
		{"replaced by a hard link to it", func(t *testing.T, path string) {
			must(t, os.Rename(path, path+"2"))
			must(t, os.Link(path+"2", path))
		}, [3]bool{true, true, true}, true, nil},
		{"replaced by a directory", func(t *testing.T, path string) {
			must(t, os.Remove(path))
			must(t, os.Mkdir(path, 0o700))
		}, [3]bool{}, false, nil},
		{
			"not empty", func(t *testing.T, path string) { must(t, os.WriteFile(path, []byte("x"), 0o600)) },
			[3]bool{true, true, true},
			false, ErrNotEmpty,
		},
		{
			"gone with its directory", func(t *testing.T, path string) { must(t, os.RemoveAll(filepath.Dir(path))) },
			[3]bool{},
			true, nil,
		},
		{"behind a linked directory", func(t *testing.T, path string) {
			sub := filepath.Dir(path)
			must(t, os.Rename(sub, sub+"2"))
			must(t, os.Symlink(sub+"2", sub))
		}, [3]bool{true, true, false}, true, nil},
	}
	for _, test := range tests {
		for i := range 3 {
			dir := tree(t)
			p := names(dir)[i]
			f := open(t, p)
			must(t, f.Lock(Exclusive))
			test.change(t, dir+"/sub/file")
			before := descriptors(t)
			named, err := p.Names(f)
			if named != test.named[i] {
				t.Errorf("%s: %#v names it: %v, %v", test.what, p, named, err)
			}
			// The link below the lockspace is an error, and followed for nothing.
			linked := i == 2 && test.what == "behind a linked directory"
			if err != nil && !(linked && errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EISDIR)) {
				t.Errorf("%s: names of %#v: %v", test.what, p, err)
			}
			err = p.Remove(f)
			switch {
			case linked:
				wantErr(t, err, unix.ELOOP)
			case !errors.Is(err, test.fails):
				t.Errorf("%s: remove %#v: %v", test.what, p, err)
			}
			if want := !test.removed || linked; exists(dir+"/sub/file") != want {
				t.Errorf("%s: %#v is there: %v, not %v", test.what, p, !want, want)
			}
			if after := descriptors(t); after != before {
				t.Errorf("%s: %d descriptors before, %d after", test.what, before, after)
			}
		}
	}
}

func TestRemoveSaysWhatFailed(t *testing.T) {
	path := scratch(t)
	must(t, os.WriteFile(path, []byte("data"), 0o600))
	p := Place{Name: path}
	var perr *fs.PathError
	if err := p.Remove(openPath(t, path)); !errors.As(err, &perr) || perr.Op != "remove" || perr.Path != path {
		t.Errorf("error is %#v", err)
	}
}

// A file system that has become read-only lets no file go.
func TestRemoveRefusedByTheSystem(t *testing.T) {
	dir := t.TempDir()
	must(t, unix.Mount("none", dir, "tmpfs", 0, ""))
	defer unix.Unmount(dir, unix.MNT_DETACH)
	p := Place{dir, "file"}
	must(t, p.Create())
	f, err := Open(p, false)
	must(t, err)
	must(t, f.Close())
	must(t, unix.Mount("none", dir, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	wantErr(t, p.Remove(f), unix.EROFS)
}

// A name below a directory follows no link, not even one that appears between
// the look at the file and its removal: both act on one open directory.
func TestRemoveActsInTheDirectoryItLookedAt(t *testing.T) {
	dir, outside := tree(t), t.TempDir()
	// The same file outside, so that a look alone would not tell.
	must(t, os.Link(dir+"/sub/file", outside+"/file"))
	p := Place{dir, "sub/file"}
	f := open(t, p)
	must(t, f.Lock(Exclusive))
	must(t, os.Rename(dir+"/sub", dir+"/moved"))
	must(t, os.Symlink(outside, dir+"/sub"))
	wantErr(t, p.Remove(f), unix.ELOOP)
	if named, err := p.Names(f); named || !errors.Is(err, unix.ELOOP) {
		t.Errorf("named: %v, %v", named, err)
	}
	if !exists(outside + "/file") {
		t.Error("a file outside the lockspace was removed")
	}
}
