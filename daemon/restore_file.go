package daemon

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"virtlock/daemon/internal/filelock"
	"virtlock/daemon/internal/handover"
	"virtlock/daemon/internal/lockspace"
)

// opened is what became of a lock's file.
type opened struct {
	file *filelock.File
	err  error // why the kernel does not hold the lock; file may be there all the same
}

// open opens the files of the locks, or takes them over where they are open. What has
// to be asked of storage, which may hang, is asked side by side, and not for ever.
func (r *restorer) open(locks [][]handover.Hold) []opened {
	if r.source == fromLibvirt {
		// Where two names are one file, as libvirt's daemon allows, the kernel's
		// lock can be had for one of them: the one that is to be exclusive.
		slices.SortStableFunc(locks, func(a, b []handover.Hold) int {
			return cmp.Compare(requestOf(&a[0]).Mode, requestOf(&b[0]).Mode)
		})
	}
	if r.source == fromLibvirt || r.source == fromExec {
		files := make([]opened, len(locks))
		for i, holds := range locks {
			files[i] = r.take(holds)
		}
		return files
	}
	ctx, cancel := context.WithTimeout(context.Background(), openTime)
	defer cancel()
	files := openAll(ctx, len(locks),
		func(i int) uint64 { return systemOf(&locks[i][0]) },
		func(i int) opened { return r.ask(locks[i]) })
	for i, holds := range locks {
		// The keeper has held it until now, whatever storage says, and does not say.
		if fd := descriptorOf(holds); fd >= 0 {
			files[i].file = adopt(fd, &holds[0], files[i].err == nil)
		}
	}
	return files
}

// How many files of one file system are opened at a time, and how long all may take.
const (
	openAtOnce = 64
	openTime   = 10 * time.Second
)

// openAll opens n files side by side, and gives those that were there before ctx ended.
// One that comes later is closed. Those of a file system that hangs hold up no others.
func openAll(ctx context.Context, n int, system func(i int) uint64, open func(i int) opened) []opened {
	files := make([]opened, n)
	slots := make(map[uint64]chan struct{})
	for i := range files {
		files[i].err = errStorageHangs
		if slots[system(i)] == nil {
			slots[system(i)] = make(chan struct{}, openAtOnce)
		}
	}
	var mu sync.Mutex // guards files and late
	late := false
	var wait sync.WaitGroup
	for i := range files {
		slot := slots[system(i)]
		wait.Go(func() {
			select {
			case slot <- struct{}{}:
				defer func() { <-slot }()
			case <-ctx.Done():
				return
			}
			o := open(i)
			mu.Lock()
			defer mu.Unlock()
			if !late {
				files[i] = o
			} else if o.file != nil {
				o.file.Close()
			}
		})
	}
	done := make(chan struct{})
	go func() { wait.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
	mu.Lock()
	defer mu.Unlock()
	late = true
	return files
}

// systemOf is the file system of a lock, 0 for all block devices.
func systemOf(h *handover.Hold) uint64 {
	if h.File.Inode == 0 {
		return 0
	}
	return h.File.Device
}

var errStorageHangs = errors.New("its storage does not answer")

// ask asks storage for a lock: whether it still is what a descriptor has, which stays
// as it is, or else for the file, with the kernel's lock on it.
func (r *restorer) ask(holds []handover.Hold) opened {
	h := &holds[0]
	if fd := descriptorOf(holds); fd >= 0 {
		return opened{err: filelock.Confirm(fd, requestOf(h).Mode)}
	}
	if h.Missing != "" {
		return opened{err: errors.New(h.Missing)}
	}
	return r.openAgain(holds)
}

// take gives the file of a lock whose descriptor an exec has left.
func (r *restorer) take(holds []handover.Hold) opened {
	h, fd := &holds[0], descriptorOf(holds)
	var why error
	if h.Missing != "" {
		why = errors.New(h.Missing)
	}
	switch {
	case fd < 0 && why != nil:
		return opened{err: why}
	case fd < 0:
		return r.openAgain(holds)
	case r.source == fromLibvirt:
		return fromPOSIX(fd, requestOf(h).Mode)
	}
	return opened{adopt(fd, h, why == nil), why}
}

// descriptorOf is the descriptor that was left of a lock, or -1.
func descriptorOf(holds []handover.Hold) int {
	fd := -1
	for i := range holds {
		fd = max(fd, holds[i].FD)
	}
	return fd
}

// adopt makes a file of a descriptor, whose lock is held for certain or may have been
// lost.
func adopt(fd int, h *handover.Hold, certain bool) *filelock.File {
	id := filelock.ID{Device: h.File.Device, Inode: h.File.Inode}
	if !certain {
		return filelock.AdoptListed(fd, id, h.File.Node)
	}
	return filelock.Adopt(fd, id, h.File.Node, requestOf(h).Mode)
}

// fromPOSIX takes a lock over from libvirt's daemon.
func fromPOSIX(fd int, m lockspace.Mode) opened {
	f, err := filelock.FromPOSIX(fd, m)
	if lost, ok := errors.AsType[*filelock.LostError](err); ok && lost.Err == nil {
		err = nil // it is held again
	}
	return opened{f, err}
}

func (r *restorer) allGone(holds []handover.Hold) bool {
	for i := range holds {
		if !r.process(&holds[i].Owner).gone {
			return false
		}
	}
	return true
}

// openAgain opens the file of a lock by its name and locks it.
func (r *restorer) openAgain(holds []handover.Hold) opened {
	h := &holds[0]
	if r.allGone(holds) && !h.Autocreate { // a file that was made for the lock goes with it
		return opened{err: lockspace.ErrOwnerGone}
	}
	place := filelock.Place{Dir: h.Space, Name: h.Name}
	f, err := filelock.Open(place, false)
	if err != nil {
		return opened{err: err}
	}
	if id := (filelock.ID{Device: h.File.Device, Inode: h.File.Inode}); f.ID() != id {
		f.Close()
		return opened{err: errors.New("another file has its name now")}
	}
	if err := f.Lock(requestOf(h).Mode); err != nil {
		f.Close()
		return opened{err: err}
	}
	return opened{file: f}
}
