// Package audit is a history that only grows: records, one a line, in a file that is
// rotated by its size. It knows how they are queued, written and read back, and not
// what they say.
//
// To note a record down never waits for storage: a goroutine writes, and what there
// is no room for is counted, and told in the file where it is missing.
package audit

import (
	"context"
	"sync"
	"sync/atomic"
)

// Settings say where the records go.
type Settings struct {
	// File is where; empty: nowhere.
	File string
	// MaxSize is how many bytes a file may have before the next one is begun, and
	// Files how many former ones are kept, as File.1 (the latest), File.2 and so on.
	MaxSize int64
	Files   int
}

// Format is what the trail has to know of its records.
type Format[T any] struct {
	// Append appends a record as one line, without the newline.
	Append func(b []byte, record *T) []byte
	// Lost makes a record that stands for n that are missing, the last of which
	// is known.
	Lost func(n uint64, last T) T
	// Complain is told why nothing can be written, once, and nil when that is over.
	Complain func(error)
}

// maxQueued is how many records wait to be written.
const maxQueued = 1 << 16

// Trail is a history. Its methods are safe for concurrent use.
type Trail[T any] struct {
	format Format[T]
	on     atomic.Bool   // there is a file to write to
	work   chan struct{} // has room for one; filled when there is something to do
	hurry  chan struct{} // likewise; filled when that must not wait
	ended  chan struct{} // closed at the end
	done   chan struct{} // closed when the goroutine has ended

	mu       sync.Mutex // guards the fields that follow; held for moments only
	settings Settings
	reopen   bool // the file is to be opened anew
	queue    []T
	spare    []T // an empty queue for the next time
	lost     gap[T]
	flushes  []chan struct{} // closed when what is queued is written
	closed   bool
}

// gap is records that are missing.
type gap[T any] struct {
	count uint64
	last  T
}

func (g *gap[T]) add(n uint64, last T) {
	g.count += n
	g.last = last
}

// New begins a history. Close ends it.
func New[T any](s Settings, f Format[T]) *Trail[T] {
	t := &Trail[T]{
		format: f, settings: s, work: make(chan struct{}, 1), hurry: make(chan struct{}, 1),
		ended: make(chan struct{}), done: make(chan struct{}),
	}
	t.on.Store(s.File != "")
	go t.run()
	return t
}

// On reports whether records are kept at all.
func (t *Trail[T]) On() bool { return t.on.Load() }

// Put notes a record down. It never blocks.
func (t *Trail[T]) Put(record T) {
	if !t.On() {
		return
	}
	t.mu.Lock()
	full := len(t.queue) >= maxQueued
	switch {
	case t.closed:
	case full:
		t.lost.add(1, record)
	default:
		t.queue = append(t.queue, record)
	}
	many := len(t.queue) == maxQueued/4
	t.mu.Unlock()
	wake(t.work)
	if many {
		wake(t.hurry)
	}
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // it will look
	}
}

// Settings are the present ones.
func (t *Trail[T]) Settings() Settings {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.settings
}

// Apply changes the settings, and opens the file anew. What is queued goes to the new
// one.
func (t *Trail[T]) Apply(s Settings) {
	t.mu.Lock()
	t.settings, t.reopen = s, true
	t.on.Store(s.File != "" && !t.closed)
	t.mu.Unlock()
	wake(t.work)
	wake(t.hurry)
}

// Flush waits until all that was noted down is written, or ctx ends.
func (t *Trail[T]) Flush(ctx context.Context) {
	if !t.On() {
		return
	}
	written := make(chan struct{})
	t.mu.Lock()
	t.flushes = append(t.flushes, written)
	t.mu.Unlock()
	wake(t.work)
	wake(t.hurry)
	select {
	case <-written:
	case <-t.done:
	case <-ctx.Done():
	}
}

// Close writes what is queued and ends the goroutine. One that storage holds up is
// left alone when ctx ends. What is noted down later is lost.
func (t *Trail[T]) Close(ctx context.Context) {
	t.mu.Lock()
	again := t.closed
	t.closed = true
	t.mu.Unlock()
	if !again {
		close(t.ended)
	}
	select {
	case <-t.done:
	case <-ctx.Done():
	}
}

// batch is what the goroutine works on at a time.
type batch[T any] struct {
	records []T
	lost    gap[T] // after all of records: the queue was full of them
	flushes []chan struct{}
}

func (t *Trail[T]) take() (b batch[T]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b = batch[T]{t.queue, t.lost, t.flushes}
	t.queue, t.spare, t.lost, t.flushes = t.spare, nil, gap[T]{}, nil
	return b
}

// maxSpare is how large a queue may be that is kept for the next time.
const maxSpare = 1 << 12

// giveBack gives a batch back that is done.
func (t *Trail[T]) giveBack(b batch[T]) {
	for _, written := range b.flushes {
		close(written)
	}
	if cap(b.records) > maxSpare {
		return
	}
	clear(b.records) // they point to much
	t.mu.Lock()
	defer t.mu.Unlock()
	t.spare = b.records[:0]
}

// wanted gives the settings, and whether the file is to be opened anew.
func (t *Trail[T]) wanted() (s Settings, reopen bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	reopen, t.reopen = t.reopen, false
	return t.settings, reopen
}
