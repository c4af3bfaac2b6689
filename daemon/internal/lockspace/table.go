// Package lockspace is the rules of locking: lockspaces, resources, owners,
// modes, and who waits for whom. It knows neither sockets nor protocols.
//
// A resource is a name in a lockspace; what is locked is the file behind it.
// Two names of one file are therefore one resource with two names: an exclusive
// lock through the one keeps out the other. Each name that is held has an open
// file of its own with a kernel lock of its own (package filelock), and the
// names of one file know of each other.
//
// The table has one mutex, held only to look and to note down. Calls to storage
// can take for ever, so they run outside it, one at a time for each file: who
// wants to open, lock, unlock or remove a file first takes that file's turn.
// A file whose storage hangs holds up those who want that file, and nobody else.
package lockspace

import (
	"sync"
	"time"

	"virtlock/daemon/internal/filelock"
)

// Mode is how a lock may be held beside others.
type Mode = filelock.Mode

// The modes of a lock.
const (
	Exclusive = filelock.Exclusive
	Shared    = filelock.Shared
)

// Table is all locks of a daemon.
type Table struct {
	observe  func(Change)
	recorder Recorder

	mu      sync.Mutex // guards all below and what hangs from it; never held over a call to storage
	spaces  map[string]*space
	files   map[filelock.ID]*file
	queue   queue
	holders int // on all resources
	counts  Counts
	numbers Numbers
}

// space is a lockspace. It is never removed.
type space struct {
	path      string // empty for the direct one
	resources map[string]*resource
}

// file is what resources are names of, for as long as it is held or somebody
// has its turn.
type file struct {
	id    filelock.ID
	names []*resource // held, usually one
	// busy is set while somebody has the file's turn, and turn is closed when
	// it is given back. turn is nil when nobody waits for it.
	busy bool
	turn chan struct{}
	// gone is set when the file was closed and has no name left. It belongs to
	// whoever has the turn.
	gone bool
}

// resource is a name that is held. It has at least one holder.
type resource struct {
	id         uint64
	space      *space
	name       string
	mode       Mode
	autocreate bool
	file       *file
	lock       *filelock.File
	holders    []holder
}

type holder struct {
	Holder
	id    uint64
	since int64 // nanoseconds since 1970
	noted bool  // that it ends was noted down, which it does now
}

// Counts count since the table was made.
type Counts struct{ Granted, Refused, Released uint64 }

// New makes a table with the direct lockspace in it. observe is told of each
// change, in order and under the table's mutex: it must neither block nor call
// the table. recorder may be nil: then nothing outlives the process.
func New(observe func(Change), recorder Recorder) *Table {
	if recorder == nil {
		recorder = unrecorded{}
	}
	return &Table{
		observe: observe, recorder: recorder,
		spaces: map[string]*space{"": {resources: make(map[string]*resource)}},
		files:  make(map[filelock.ID]*file),
		queue:  newQueue(),
	}
}

// place is where the file of a name in the space is.
func (s *space) place(name string) filelock.Place {
	return filelock.Place{Dir: s.path, Name: name}
}

func (r *resource) place() filelock.Place { return r.space.place(r.name) }

// holderOf is the index of the owner's latest hold, or -1.
func (r *resource) holderOf(o *Owner) int {
	for i := len(r.holders) - 1; i >= 0; i-- {
		if r.holders[i].Owner == o {
			return i
		}
	}
	return -1
}

func now() int64 { return time.Now().UnixNano() }
