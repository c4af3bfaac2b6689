package daemon

import (
	"cmp"
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

// open opens the files of the locks, or takes them over where they are open. From
// the journal each has to be opened and locked anew: side by side, since storage
// may hang, and not for ever.
func (r *restorer) open(locks [][]handover.Hold) []opened {
	files := make([]opened, len(locks))
	if r.source == fromLibvirt {
		// Where two names are one file, as libvirt's daemon allows, the kernel's
		// lock can be had for one of them: the one that is to be exclusive.
		slices.SortStableFunc(locks, func(a, b []handover.Hold) int {
			return cmp.Compare(requestOf(&a[0]).Mode, requestOf(&b[0]).Mode)
		})
	}
	if r.source != fromJournal && r.source != fromKeeper {
		for i, holds := range locks {
			files[i] = r.take(holds)
		}
		return files
	}
	return r.openAll(locks, files)
}

// How many files are opened at a time, and how long that may take together.
const (
	openAtOnce = 64
	openTime   = 10 * time.Second
)

// openAll opens files side by side, and gives those that were quick enough.
func (r *restorer) openAll(locks [][]handover.Hold, files []opened) []opened {
	var mu sync.Mutex // guards files and late
	late := false
	slots := make(chan struct{}, openAtOnce)
	var wait sync.WaitGroup
	deadline := time.After(openTime)
	begin := func(i int) {
		wait.Go(func() {
			o := r.take(locks[i])
			mu.Lock()
			defer mu.Unlock()
			if !late {
				files[i] = o
			} else if o.file != nil {
				o.file.Close()
			}
			<-slots
		})
	}
	for i := range locks {
		select {
		case slots <- struct{}{}:
			begin(i)
			continue
		case <-deadline:
			mu.Lock()
			late = true
			mu.Unlock()
		}
		break
	}
	done := make(chan struct{})
	go func() { wait.Wait(); close(done) }()
	select {
	case <-done:
	case <-deadline:
	}
	mu.Lock()
	defer mu.Unlock()
	late = true
	for i := range files {
		if files[i].file == nil && files[i].err == nil {
			files[i].err = errStorageHangs
		}
	}
	return files
}

var errStorageHangs = errors.New("its storage does not answer")

// take gives the file of a lock with the kernel's lock on it.
func (r *restorer) take(holds []handover.Hold) opened {
	h := &holds[0]
	if h.Missing != "" {
		return opened{err: errors.New(h.Missing)}
	}
	fd := -1
	for i := range holds {
		fd = max(fd, holds[i].FD)
	}
	mode := requestOf(h).Mode
	switch {
	case fd < 0:
		return r.openAgain(holds)
	case r.source == fromLibvirt:
		return fromPOSIX(fd, mode)
	}
	f := filelock.Adopt(fd, filelock.ID{Device: h.File.Device, Inode: h.File.Inode}, h.File.Node, mode)
	if r.source == fromKeeper {
		if err := f.Reassert(); err != nil {
			f.Close()
			return opened{err: err}
		}
	}
	return opened{file: f}
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
