package filelock

import (
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOpenKinds(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must(t, os.WriteFile(at("file"), []byte("data"), 0o600))
	must(t, os.Mkdir(at("directory"), 0o700))
	must(t, unix.Mkfifo(at("fifo"), 0o600))
	must(t, unix.Mknod(at("device"), unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))))
	socket, err := net.Listen("unix", at("socket"))
	must(t, err)
	defer socket.Close()
	for link, target := range map[string]string{
		"link": "file", "dangling": "missing", "circle": "circle", "tofifo": "fifo", "todirectory": "directory",
	} {
		must(t, os.Symlink(target, at(link)))
	}
	tests := []struct {
		name     string
		direct   error // by its path
		confined error // as a name in its directory
	}{
		{"file", nil, nil},
		{"link", nil, unix.ELOOP},
		{"missing", unix.ENOENT, unix.ENOENT},
		{"dangling", unix.ENOENT, unix.ELOOP},
		{"circle", unix.ELOOP, unix.ELOOP},
		{"directory", unix.EISDIR, unix.EISDIR},
		{"todirectory", unix.EISDIR, unix.ELOOP},
		{"fifo", ErrNotLockable, ErrNotLockable},
		{"tofifo", ErrNotLockable, unix.ELOOP},
		{"device", ErrNotLockable, ErrNotLockable},
		{"socket", unix.ENXIO, unix.ENXIO},
		{"file/below", unix.ENOTDIR, unix.ENOTDIR},
		{"missing/below", unix.ENOENT, unix.ENOENT},
		{"directory/../file", nil, nil}, // the lockspace refuses such a name
		{strings.Repeat("x", 256), unix.ENAMETOOLONG, unix.ENAMETOOLONG},
	}
	for _, test := range tests {
		for _, c := range []struct {
			place Place
			want  error
		}{
			{Place{Name: at(test.name)}, test.direct},
			{Place{Dir: dir, Name: test.name}, test.confined},
		} {
			before := descriptors(t)
			f, err := Open(c.place, false)
			if c.want == nil {
				must(t, err)
				must(t, f.Close())
			} else {
				wantErr(t, err, c.want)
				if perr, ok := err.(*fs.PathError); !ok || perr.Op != "open" || perr.Path != c.place.Path() {
					t.Errorf("%#v: error is %#v", c.place, err)
				}
			}
			if after := descriptors(t); after != before {
				t.Errorf("%#v: %d descriptors before, %d after", c.place, before, after)
			}
		}
	}
}

func TestOpenCreates(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o700))
	for _, p := range []Place{{dir, "new"}, {dir, "sub/new"}, {"", filepath.Join(dir, "direct")}} {
		f, err := Open(p, true)
		must(t, err)
		must(t, f.Close())
		st, err := os.Stat(p.Path())
		must(t, err)
		if st.Mode() != 0o600 || st.Size() != 0 {
			t.Errorf("%s: %v, %d bytes", p.Path(), st.Mode(), st.Size())
		}
		must(t, p.Create()) // again
	}
	_, err := Open(Place{dir, "missing/new"}, true)
	wantErr(t, err, unix.ENOENT)
	if perr, ok := err.(*fs.PathError); !ok || perr.Op != "create" {
		t.Errorf("error is %#v", err)
	}
	must(t, os.WriteFile(filepath.Join(dir, "data"), []byte("data"), 0o600))
	must(t, Place{dir, "data"}.Create())
	if data, _ := os.ReadFile(filepath.Join(dir, "data")); string(data) != "data" {
		t.Errorf("data is now %q", data)
	}
}

func TestCreateNeverLeavesTheDirectory(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	must(t, os.Symlink(outside, filepath.Join(dir, "out")))
	must(t, os.Symlink(filepath.Join(outside, "target"), filepath.Join(dir, "link")))
	must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o700))
	for name, want := range map[string]error{
		"out/new":           unix.ELOOP,
		"link":              unix.ELOOP,
		"../new":            unix.EXDEV,
		"sub/../../new":     unix.EXDEV,
		"..":                unix.EISDIR,
		outside + "/new":    nil, // no more than a longer name: the directory is in front of it
		"sub/../out/../new": unix.ELOOP,
	} {
		err := Place{dir, name}.Create()
		if err == nil {
			t.Errorf("%q was created", name)
		} else if want != nil {
			wantErr(t, err, want)
		}
	}
	if left, _ := os.ReadDir(outside); len(left) > 0 {
		t.Errorf("outside the directory there is %v", left)
	}
}

func TestNoPermission(t *testing.T) {
	dir, err := os.MkdirTemp("/tmp", "filelock")
	must(t, err)
	defer os.RemoveAll(dir)
	must(t, os.Chmod(dir, 0o755))
	path := filepath.Join(dir, "mine")
	must(t, os.WriteFile(path, nil, 0o444))
	if p := start(t, "as open", path, asNobody); p.answer != strconv.Itoa(int(unix.EACCES)) {
		t.Errorf("error is %s, not EACCES", p.answer)
	}
}

func TestNoDescriptorLeft(t *testing.T) {
	if p := start(t, "too crowded", scratch(t)); p.answer != strconv.Itoa(int(unix.EMFILE)) {
		t.Errorf("error is %s, not EMFILE", p.answer)
	}
}

func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	must(t, unix.Mount("none", dir, "tmpfs", 0, "nr_inodes=2"))
	defer unix.Unmount(dir, 0)
	must(t, Place{dir, "last"}.Create())
	wantErr(t, Place{dir, "one-too-many"}.Create(), unix.ENOSPC)
	must(t, Place{dir, "last"}.Create()) // is there
}

func TestReadOnlyFileSystem(t *testing.T) {
	dir := t.TempDir()
	must(t, unix.Mount("none", dir, "tmpfs", 0, ""))
	defer unix.Unmount(dir, 0)
	must(t, Place{dir, "file"}.Create())
	must(t, unix.Mount("none", dir, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	_, err := Open(Place{dir, "file"}, false)
	wantErr(t, err, unix.EROFS)
}

// Two nodes of one block device are one file, although the kernel keeps their
// locks apart.
func TestBlockDevice(t *testing.T) {
	image := scratch(t)
	must(t, os.Truncate(image, 1<<20))
	out, err := exec.Command("losetup", "--find", "--show", image).Output()
	must(t, err)
	node := strings.TrimSpace(string(out))
	defer exec.Command("losetup", "--detach", node).Run()
	var st unix.Stat_t
	must(t, unix.Stat(node, &st))
	second := filepath.Join(t.TempDir(), "node")
	must(t, unix.Mknod(second, unix.S_IFBLK|0o600, int(st.Rdev)))

	a, b := openPath(t, node), openPath(t, second)
	if a.ID() != b.ID() || a.ID() != (ID{Device: st.Rdev}) {
		t.Errorf("the nodes are %v and %v", a.ID(), b.ID())
	}
	if a.Inode() == b.Inode() {
		t.Error("both nodes are one inode")
	}
	major, minor := a.ID().DeviceNumbers()
	if major != 7 || unix.Mkdev(major, minor) != st.Rdev {
		t.Errorf("device is %d:%d", major, minor)
	}
	must(t, a.Lock(Exclusive))
	if openPath(t, node).Lock(Exclusive) == nil {
		t.Error("one node was locked twice")
	}
	// What is no lock file stays.
	p := Place{Name: second}
	must(t, b.Lock(Exclusive))
	must(t, p.Remove(b))
	if named, err := p.Names(b); !named || err != nil {
		t.Errorf("the node is named: %v, %v", named, err)
	}
	if named, _ := (Place{Name: image}).Names(a); named {
		t.Error("the image is said to be the device")
	}
	id, err := Identify(second)
	if err != nil || id != a.ID() {
		t.Errorf("identified as %v, %v", id, err)
	}
}

func TestIdentify(t *testing.T) {
	path := scratch(t)
	f := openPath(t, path)
	alias, link := filepath.Join(filepath.Dir(path), "alias"), filepath.Join(filepath.Dir(path), "link")
	must(t, os.Link(path, alias))
	must(t, os.Symlink(path, link))
	for _, name := range []string{path, alias, link, filepath.Dir(path) + "/../" + filepath.Base(filepath.Dir(path)) + "/link"} {
		if id, err := Identify(name); err != nil || id != f.ID() {
			t.Errorf("%s is %v, %v", name, id, err)
		}
	}
	if other, err := Identify(scratch(t)); err != nil || other == f.ID() {
		t.Errorf("another file is %v, %v", other, err)
	}
	_, err := Identify(path + "x")
	wantErr(t, err, unix.ENOENT)
	_, err = Identify(filepath.Dir(path))
	wantErr(t, err, unix.EISDIR)
	if f.Inode() != f.ID().Inode {
		t.Error("the inode of a regular file is not its identity's")
	}
}

func TestUnlinked(t *testing.T) {
	path := scratch(t)
	f := openPath(t, path)
	must(t, os.Link(path, path+"2"))
	must(t, os.Remove(path))
	if f.Unlinked() {
		t.Error("unlinked, with a name left")
	}
	must(t, os.Remove(path+"2"))
	if !f.Unlinked() {
		t.Error("not unlinked, with no name left")
	}
}

// descriptors counts the descriptors of this process.
func descriptors(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(open)
}
