package daemon_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
	"virtlock/daemon/internal/virnet"
)

// hostileNames never name a resource of a lockspace.
var hostileNames = []string{
	"", ".", "..", "../outside", "a/../../outside", "/etc/passwd", "/", "a/", "./a", "a//b",
	"nul\x00", "\x00", "line\nbreak", "\x1b[2J", "\x7f", "\u0085", strings.Repeat("n", 4097),
	"escape", "escape/outside", // a link to the directory above
}

// TestNamesStayInTheirLockspace by all calls of both protocols.
func TestNamesStayInTheirLockspace(t *testing.T) {
	b := newHostileBed(t)
	dir := t.TempDir()
	newFile(t, dir, "outside")
	space := filepath.Join(dir, "space")
	if err := os.Mkdir(space, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("..", space+"/escape"); err != nil {
		t.Fatal(err)
	}
	b.json.must("lockspace.create", `{"path":%q}`, space)
	before := tree(t, dir)
	for _, name := range hostileNames {
		for _, procedure := range []int32{virnet.ProcCreateResource, virnet.ProcDeleteResource, virnet.ProcAcquire} {
			r := virnet.Resource{Path: space, Name: name}
			if procedure == virnet.ProcAcquire {
				r.Flags = virnet.AcquireAutocreate
			}
			if code(t, b.rpc.call(procedure, r)) == 0 {
				t.Errorf("procedure %d took the name %q", procedure, name)
			}
		}
		resource := fmt.Sprintf(`{"lockspace":%s,"name":%s}`, jsonString(t, space), jsonString(t, name))
		for method, params := range map[string]string{
			"resource.create": resource,
			"resource.delete": resource,
			"lock.acquire":    fmt.Sprintf(`{"resources":[%s,"autocreate":true}]}`, strings.TrimSuffix(resource, "}")),
		} {
			if err := b.json.call(method, "%s", params); err == nil {
				t.Errorf("%s took the name %q", method, name)
			}
		}
	}
	if after := tree(t, dir); !slices.Equal(before, after) {
		t.Errorf("the files changed from\n%v to\n%v", before, after)
	}
	b.unharmed()
}

// tree lists all below a directory, with sizes.
func tree(t testing.TB, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			list = append(list, fmt.Sprintln(path, info.Mode(), info.Size()))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestWhatIsNoDisk is refused by both protocols, without opening it.
func TestWhatIsNoDisk(t *testing.T) {
	b := newHostileBed(t)
	dir := t.TempDir()
	if err := unix.Mkfifo(dir+"/fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		json api.Code
		rpc  virnet.ErrorCode
	}{
		{dir, api.CodeInvalid, virnet.CodeSystemError},
		{dir + "/missing", api.CodeNotFound, virnet.CodeSystemError},
		{dir + "/fifo", api.CodeInvalid, virnet.CodeInvalidArgument},
		{b.socket, api.CodeInvalid, virnet.CodeSystemError},
		{"/dev/null", api.CodeInvalid, virnet.CodeInvalidArgument},
		{"/proc/self/mem/x", api.CodeIO, virnet.CodeSystemError},
		{"relative", api.CodeInvalid, virnet.CodeInvalidArgument},
		{dir + "/" + strings.Repeat("n", 256), api.CodeIO, virnet.CodeSystemError},
	} {
		if got := b.json.acquire(c.name); got != c.json {
			t.Errorf("%s: %q instead of %s", c.name, got, c.json)
		}
		if got := code(t, b.rpc.acquire("", c.name)); got != c.rpc {
			t.Errorf("%s: libvirt's code %d instead of %d", c.name, got, c.rpc)
		}
	}
	b.unharmed()
}

// TestStorageThatRefuses is a file system that may only be read, and a full one.
func TestStorageThatRefuses(t *testing.T) {
	needRoot(t)
	readOnly, full := t.TempDir(), t.TempDir()
	d := startChild(t, childConfig{ReadOnly: readOnly, Full: full})
	b := newBystander(t, d.Socket)
	files := openFiles(t, d.pid)
	for _, c := range []struct {
		dir   string
		code  api.Code
		errno unix.Errno
	}{
		{readOnly, api.CodeDenied, unix.EROFS},
		{full, api.CodeIO, unix.ENOSPC},
	} {
		b.json.must("lockspace.create", `{"path":%q}`, c.dir)
		err := b.json.call("lock.acquire", `{"resources":[{"lockspace":%q,"name":"a","autocreate":true}]}`, c.dir)
		if codeOf(err) != c.code || err.Data.Errno != int(c.errno) {
			t.Errorf("%v: %+v", c.errno, err)
		}
		rerr, ok := b.rpc.call(virnet.ProcAcquire, virnet.Resource{Path: c.dir, Name: "a", Flags: virnet.AcquireAutocreate}).(*virnet.Error)
		if !ok || rerr.Code != virnet.CodeSystemError || rerr.Int1 != int32(c.errno) {
			t.Errorf("%v: %v", c.errno, rerr)
		}
		b.works()
	}
	if now := openFiles(t, d.pid); now != files {
		t.Errorf("%d open files instead of %d", now, files)
	}
}
