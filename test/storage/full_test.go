package storage

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
	"virtlock/client/api"
	"virtlock/test/bed"
)

// mount mounts a tmpfs on a directory of the host and returns it.
func mount(t *testing.T, h *bed.Host, flags uintptr, options string) string {
	t.Helper()
	dir := bed.Dir(t)
	if err := h.Do(func() error { return unix.Mount("tmpfs", dir, "tmpfs", flags, options) }); err != nil {
		t.Fatalf("mount %s: %v", options, err)
	}
	return dir
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	h := bed.NewHost(t, bed.Ours)
	h.StartVirtlockd()
	dir := mount(t, h, 0, "nr_inodes=4") // one is the directory's
	c := h.Owner("web01", os.Getpid())
	c.Must(api.LockspaceCreate, api.LockspaceParams{Path: dir}, nil)
	lease := func(i int) api.Resource {
		return api.Resource{Lockspace: dir, Name: fmt.Sprint(i), Autocreate: true}
	}
	for i := range 3 {
		c.MustAcquire(lease(i))
	}

	err := c.Acquire(lease(3))
	bad(t, err, api.CodeIO)
	if err != nil && err.Data != nil && err.Data.Errno != int(unix.ENOSPC) {
		t.Errorf("errno %d, want ENOSPC", err.Data.Errno)
	}
	bad(t, c.Call(api.LockspaceCreate, api.LockspaceParams{Path: filepath.Join(dir, "deeper")}, nil), api.CodeIO)
	works(t, h, c)
	if n := len(c.Locks()); n != 3 {
		t.Errorf("%d locks, want the 3 that were granted", n)
	}
	c.MustRelease(lease(0))
	// The inode is free when the keeper has closed the file as well.
	bed.Eventually(t, "there is room again", func() bool { return c.Acquire(lease(3)) == nil })
}

func TestReadOnlyStorage(t *testing.T) {
	t.Parallel()
	h := bed.NewHost(t, bed.Ours)
	h.StartVirtlockd()
	dir := mount(t, h, 0, "")
	image := filepath.Join(dir, "a.img")
	h.Write(image, "")
	if err := h.Do(func() error { return unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, "") }); err != nil {
		t.Fatal(err)
	}
	c := h.Owner("web01", os.Getpid())
	bad(t, c.Acquire(bed.Direct(image)), api.CodeDenied)
	c.Must(api.LockspaceCreate, api.LockspaceParams{Path: dir}, nil)
	bad(t, c.Acquire(api.Resource{Lockspace: dir, Name: "new", Autocreate: true}), api.CodeDenied)
	bad(t, c.Call(api.LockspaceCreate, api.LockspaceParams{Path: dir + "/new"}, nil), api.CodeDenied)
	works(t, h, c)
}

// The folder of a lockspace may be unmounted or removed behind our back.
func TestLockspaceWhoseFolderIsGone(t *testing.T) {
	t.Parallel()
	h := bed.NewHost(t, bed.Ours)
	h.StartVirtlockd()
	dir := filepath.Join(bed.Dir(t), "leases")
	c := h.Owner("web01", os.Getpid())
	c.Must(api.LockspaceCreate, api.LockspaceParams{Path: dir}, nil)
	held := api.Resource{Lockspace: dir, Name: "a", Autocreate: true}
	c.MustAcquire(held)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}

	c.MustRelease(held)
	bad(t, c.Acquire(held), api.CodeIO, api.CodeNotFound)
	works(t, h, c)
	c.Must(api.LockspaceCreate, api.LockspaceParams{Path: dir}, nil)
	c.MustAcquire(held)
}

func TestNoDescriptorsLeft(t *testing.T) {
	t.Parallel()
	h := bed.NewHost(t, bed.Ours)
	lockd := h.StartVirtlockd()
	limit := unix.Rlimit{Cur: 64, Max: 64}
	if err := unix.Prlimit(lockd.PID(), unix.RLIMIT_NOFILE, &limit, nil); err != nil {
		t.Fatal(err)
	}
	c := h.Owner("web01", os.Getpid())
	dir := bed.Dir(t)
	var held []api.Resource
	var err *api.Error
	for i := 0; err == nil && i < 100; i++ {
		disk := bed.Direct(bed.Image(t, dir, fmt.Sprintf("%d.img", i)))
		if err = c.Acquire(disk); err == nil {
			held = append(held, disk)
		}
	}
	bad(t, err, api.CodeLimit)
	t.Logf("%d locks with 64 descriptors", len(held))

	// A newcomer is told, and those who are there can go on and make room.
	bad(t, h.Connect().Call(api.DaemonStatus, api.Empty{}, nil), api.CodeLimit)
	for _, disk := range held {
		c.MustRelease(disk)
	}
	works(t, h, c)
}
