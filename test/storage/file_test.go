package storage

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"virtlock/client/api"
	"virtlock/test/bed"
)

// What is not a regular file or a block device is no disk. Opening some of these
// would block, or do something.
func TestFilesThatAreNoDisks(t *testing.T) {
	t.Parallel()
	h := bed.NewHost(t, bed.Ours)
	h.StartVirtlockd()
	c := h.Owner("web01", os.Getpid())
	dir := bed.Dir(t)
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	loop := filepath.Join(dir, "loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"directory":        dir,
		"fifo":             fifo,
		"socket":           bed.Socket,
		"character device": "/dev/zero",
		"symlink to self":  loop,
		"missing":          filepath.Join(dir, "missing.img"),
		"under a file":     bed.Image(t, dir, "file.img") + "/disk.img",
		"too long a path":  "/" + strings.Repeat("x", 5000),
	} {
		t.Run(name, func(t *testing.T) {
			bad(t, c.Acquire(bed.Direct(path)), api.CodeInvalid, api.CodeNotFound, api.CodeIO)
			works(t, h, c)
		})
	}
	if locks := c.Locks(); len(locks) != 0 {
		t.Errorf("locks left behind: %+v", locks)
	}
}

// A lockspace has no way out, even where somebody put one into its folder:
// nothing out there is locked, made or removed.
func TestLockspaceWithSymlinksOut(t *testing.T) {
	t.Parallel()
	h := bed.NewHost(t, bed.Ours)
	h.StartVirtlockd()
	c := h.Owner("web01", os.Getpid())
	dir, outside := bed.Dir(t), bed.Dir(t)
	image := bed.Image(t, outside, "outside.img")
	links := map[string]string{"link": image, "dangling": outside + "/new", "folder": outside}
	for name, target := range links {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	c.Must(api.LockspaceCreate, api.LockspaceParams{Path: dir}, nil)
	names := []string{
		"link", "dangling", "folder/outside.img", "folder/new",
		"../" + filepath.Base(outside) + "/outside.img", image, "..", ".", "",
	}
	for _, name := range names {
		for _, autocreate := range []bool{false, true} {
			r := api.Resource{Lockspace: dir, Name: name, Autocreate: autocreate}
			bad(t, c.Acquire(r), api.CodeInvalid, api.CodeNotFound, api.CodeIO, api.CodeDenied)
		}
		resource := api.ResourceName{Lockspace: dir, Name: name}
		bad(t, c.Call(api.ResourceCreate, resource, nil), api.CodeInvalid, api.CodeIO, api.CodeDenied)
		_ = c.Call(api.ResourceDelete, resource, nil) // a link itself may go
	}

	entries, err := os.ReadDir(outside)
	if err != nil || len(entries) != 1 || entries[0].Name() != "outside.img" {
		t.Errorf("outside are %v (%v), want outside.img only", entries, err)
	}
	if locks := bed.KernelLocks(t, image); len(locks) != 0 {
		t.Errorf("the file outside is locked: %q", locks)
	}
	works(t, h, c)
}
