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

// A lockspace has no way out, even where somebody put one into its folder.
func TestLockspaceWithSymlinkOut(t *testing.T) {
	t.Parallel()
	h := bed.NewHost(t, bed.Ours)
	h.StartVirtlockd()
	c := h.Owner("web01", os.Getpid())
	dir := bed.Dir(t)
	outside := bed.Image(t, bed.Dir(t), "outside.img")
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	c.Must(api.LockspaceCreate, api.LockspaceParams{Path: dir}, nil)
	for _, name := range []string{"link", "../" + filepath.Base(dir) + "/x", "..", ".", "a/b", "/etc/passwd", ""} {
		for _, autocreate := range []bool{false, true} {
			r := api.Resource{Lockspace: dir, Name: name, Autocreate: autocreate}
			bad(t, c.Acquire(r), api.CodeInvalid, api.CodeNotFound, api.CodeIO, api.CodeDenied)
		}
	}
	if locks := bed.KernelLocks(t, outside); len(locks) != 0 {
		t.Errorf("the file outside is locked: %q", locks)
	}
	works(t, h, c)
}
