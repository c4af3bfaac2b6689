package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
)

// storageTime is how long the storage of a guest may take. What has not answered by
// then may never do.
const storageTime = 2 * time.Second

// forStorage is ctx for what asks the storage: it leaves half of a shorter time for
// the daemon.
func forStorage(ctx context.Context) (context.Context, context.CancelFunc) {
	patience := storageTime
	if end, limited := ctx.Deadline(); limited {
		patience = min(patience, time.Until(end)/2)
	}
	return context.WithTimeout(ctx, patience)
}

// looksAtOnce is how many files are looked at at the same time.
const looksAtOnce = 64

// sight is what is seen of a lock's file without asking the daemon: the state of the
// lock if the daemon knows no holder of it.
type sight struct {
	state  state
	note   string
	holder []taker
	id     fileID // of the disk, where it exists
	hangs  bool
}

func (s sight) settle(l *lease) {
	l.State, l.Note, l.Holders = s.state, s.note, append(l.Holders, s.holder...)
}

// lookAll looks at the files of all leases that have no state yet.
func lookAll(ctx context.Context, list []lease) []sight {
	ctx, cancel := forStorage(ctx)
	defer cancel()
	sights := make([]sight, len(list))
	wanted, found := make(chan look, len(list)), make(chan look, len(list))
	for i, l := range list {
		if l.State == "" {
			sights[i] = sight{state: stateUnknown, note: "its storage does not answer", hangs: true}
			wanted <- look{number: i, lease: l}
		}
	}
	close(wanted)
	missing := len(wanted)
	for range min(missing, looksAtOnce) {
		go func() {
			for l := range wanted {
				l.sight = lookAt(l.lease)
				found <- l
			}
		}()
	}
	for ; missing > 0; missing-- {
		select {
		case l := <-found:
			sights[l.number] = l.sight
		case <-ctx.Done():
			return sights
		}
	}
	return sights
}

// look is one look of lookAll.
type look struct {
	number int
	lease  lease
	sight  sight
}

// lookAt looks at the file of a lock: whether it is one that can be locked, and
// whether another program has locked it.
func lookAt(l lease) sight {
	info, err := os.Stat(l.disk())
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		return sight{state: stateMissing, note: "there is no such file"}
	case err == nil && !info.Mode().IsRegular() && info.Mode()&os.ModeType != os.ModeDevice:
		return sight{state: stateRefused, note: "it is neither a file nor a block device"}
	}
	s := sight{state: stateFree}
	s.id, _ = identify(l.disk())
	lock, err := foreignLock(l.path)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && lock == nil:
	case err != nil:
		s.state, s.note = stateUnknown, "locks of other programs cannot be seen: "+err.Error()
	default:
		owner := lock.Holders[0].Owner
		s.holder = []taker{{Name: owner.Name, PID: owner.PID, Mode: lock.Mode, Foreign: true}}
		s.state, s.note = stateBusy, "locked without asking this daemon"
		if lock.Mode == api.Shared && l.Mode == api.Shared {
			s.state = stateShared
		}
	}
	return s
}

// identifyInTime is identify for what may hang.
func identifyInTime(ctx context.Context, path string) (fileID, error) {
	ctx, cancel := forStorage(ctx)
	defer cancel()
	return inTime(ctx, strconv.Quote(path), func() (fileID, error) { return identify(path) })
}
