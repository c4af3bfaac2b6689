package handover

import (
	"context"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// slowFile is a file that takes as long as the test wants to be closed.
type slowFile struct {
	fs.MemRegularFile
	slow    atomic.Bool
	closing chan struct{} // has room; one comes for each close that hangs
	answer  chan struct{} // closed when the storage works again
}

func (f *slowFile) Flush(context.Context, fs.FileHandle) syscall.Errno {
	if f.slow.Load() {
		f.closing <- struct{}{}
		<-f.answer
	}
	return 0
}

// works lets every close end.
func (f *slowFile) works() {
	if f.slow.Swap(false) {
		close(f.answer)
	}
}

// slowStorage mounts a file system with one such file.
func slowStorage(t *testing.T) (f *slowFile, path string) {
	t.Helper()
	dir := t.TempDir()
	f = &slowFile{closing: make(chan struct{}, 16), answer: make(chan struct{})}
	f.Attr.Mode = 0o600
	root := new(fs.Inode)
	server, err := fs.Mount(dir, root, &fs.Options{
		MountOptions: fuse.MountOptions{DirectMountStrict: true, FsName: "slow", Name: "slow"},
		OnAdd: func(ctx context.Context) {
			root.AddChild("disk", root.NewPersistentInode(ctx, f, fs.StableAttr{Mode: syscall.S_IFREG}), true)
		},
	})
	must(t, err)
	t.Cleanup(func() {
		f.works()
		unix.Unmount(dir, unix.MNT_DETACH)
		server.Wait()
	})
	return f, dir + "/disk"
}

// Storage that hangs delays what is on it and nothing else (law 6).
func TestStorageHangs(t *testing.T) {
	k, _ := keep(t)
	slow, path := slowStorage(t)
	other := scratch(t, "disk")
	o := identity(t, os.Getpid())
	hung, fine := grant(t, path, 1, o), grant(t, other, 2, o)
	hung.Hold.File.Device, fine.Hold.File.Device = 1, 2
	must(t, k.Pass(hung, fine))
	equal(t, "what it keeps", ask(t, k), Kept{Locks: 2, Holds: 2})
	give(t, fine)

	slow.slow.Store(true)
	t.Cleanup(slow.works) // before the test's own descriptor is closed
	must(t, k.Pass(Change{Drop: 1}, Change{Drop: 2}))
	select {
	case <-slow.closing:
	case <-time.After(limit):
		t.Fatal("the keeper does not close the file")
	}
	equal(t, "what it keeps", ask(t, k), Kept{})
	eventually(t, "the other lock is free", func() bool { return !isLocked(t, other) })
	slow.works()
	must(t, k.LetGo())
}
