package storage

import (
	"context"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"virtlock/test/bed"
)

// hungFS is a file system whose operations can be made to hang, each by its
// name and the name of the file.
type hungFS struct {
	fs.Inode
	stuck chan string // each operation that hangs says so here

	mu    sync.Mutex // guards gates
	gates map[string]chan struct{}
}

// mountHung mounts a hungFS with these files on a directory of the host, and
// takes care that nothing hangs when the test is over.
func mountHung(t *testing.T, h *bed.Host, files ...string) (*hungFS, string) {
	t.Helper()
	bed.Need(t, "/dev/fuse")
	dir := bed.Dir(t)
	root := &hungFS{stuck: make(chan string, 16), gates: make(map[string]chan struct{})}
	options := &fs.Options{
		MountOptions: fuse.MountOptions{DirectMountStrict: true, FsName: "hung", Name: "hung"},
		OnAdd: func(ctx context.Context) {
			for _, name := range files {
				root.AddChild(name, root.newFile(ctx, name), true)
			}
		},
	}
	err := h.Do(func() error {
		_, err := fs.Mount(dir, root, options)
		return err
	})
	if err != nil {
		t.Fatalf("mount file system that hangs: %v", err)
	}
	// Before the host's own clean-up: not even SIGKILL ends a process that
	// waits for such a file system.
	t.Cleanup(root.answerAll)
	return root, dir
}

// hang makes an operation on a file hang until answer is called.
func (f *hungFS) hang(operation, name string) (answer func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := operation + " " + name
	if f.gates[key] == nil { // or who hangs there already would do so for ever
		f.gates[key] = make(chan struct{})
	}
	return func() { f.answer(key) }
}

// answer lets those go on that hang, and hangs nobody any more.
func (f *hungFS) answer(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if gate := f.gates[key]; gate != nil {
		close(gate)
		delete(f.gates, key)
	}
}

// answerAll ends all hanging.
func (f *hungFS) answerAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, gate := range f.gates {
		close(gate)
		delete(f.gates, key)
	}
}

// pass is where an operation hangs. It is deaf to interrupts, as a dead disk is.
func (f *hungFS) pass(operation, name string) {
	key := operation + " " + name
	f.mu.Lock()
	gate := f.gates[key]
	f.mu.Unlock()
	if gate != nil {
		f.stuck <- key
		<-gate
	}
}

// waitStuck waits until an operation hangs.
func (f *hungFS) waitStuck(t *testing.T) {
	t.Helper()
	select {
	case <-f.stuck:
	case <-time.After(bed.Patience):
		t.Fatal("the daemon never came to the operation that hangs")
	}
}

// newFile makes the inode of a file.
func (f *hungFS) newFile(ctx context.Context, name string) *fs.Inode {
	file := &hungFile{fs: f, name: name}
	file.Attr.Mode = 0o600
	return f.NewPersistentInode(ctx, file, fs.StableAttr{Mode: syscall.S_IFREG})
}

func (f *hungFS) Lookup(_ context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	f.pass("lookup", name)
	child := f.GetChild(name)
	if child == nil {
		return nil, syscall.ENOENT
	}
	out.Mode = syscall.S_IFREG | 0o600
	return child, 0
}

func (f *hungFS) Create(ctx context.Context, name string, _, _ uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	f.pass("create", name)
	child := f.newFile(ctx, name)
	f.AddChild(name, child, true)
	out.Mode = syscall.S_IFREG | 0o600
	return child, nil, 0, 0
}

func (f *hungFS) Unlink(_ context.Context, name string) syscall.Errno {
	f.pass("unlink", name)
	return 0
}

// hungFile is a file of a hungFS.
type hungFile struct {
	fs.MemRegularFile
	fs   *hungFS
	name string
}

func (f *hungFile) Open(ctx context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	f.fs.pass("open", f.name)
	return f.MemRegularFile.Open(ctx, flags)
}

// Flush is what close(2) waits for.
func (f *hungFile) Flush(context.Context, fs.FileHandle) syscall.Errno {
	f.fs.pass("close", f.name)
	return 0
}
