package logging

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// destination is what records are written to. One goroutine uses it; a write may
// block.
type destination interface {
	write(r record) error
	close()
}

// How many records wait for a slow destination, and how long the end of a writer
// waits for one.
const (
	queueLength = 1024
	closeTime   = 2 * time.Second
)

// writer brings records to a destination, on a goroutine of its own so that a
// full disk or a stopped log daemon holds up nobody.
type writer struct {
	output  Output // guarded by the mutex of the log
	place   destination
	preface func() []string // what to write before the first record
	queue   chan record
	dropped atomic.Int64  // records that did not get through
	stop    chan struct{} // closed to end the goroutine, after what is queued
	done    chan struct{} // closed when it has ended
}

// startWriter starts the goroutine; closeAll ends it.
func startWriter(o Output, place destination, preface func() []string) *writer {
	w := &writer{
		output:  o,
		place:   place,
		preface: preface,
		queue:   make(chan record, queueLength),
		stop:    make(chan struct{}),
		done:    make(chan struct{}),
	}
	go w.run()
	return w
}

// send queues a record, or drops it if the queue is full.
func (w *writer) send(r record) {
	select {
	case w.queue <- r:
	default:
		w.dropped.Add(1)
	}
}

// flush waits until what is queued is written, or ctx ends.
func (w *writer) flush(ctx context.Context) {
	mark := record{flushed: make(chan struct{})}
	select {
	case w.queue <- mark:
	case <-ctx.Done():
		return
	}
	select {
	case <-mark.flushed:
	case <-w.done:
	case <-ctx.Done():
	}
}

// closeAll writes what is queued and ends the goroutines. A destination that
// hangs is left alone after a while. Nobody may send to them any more.
func closeAll(writers []*writer) {
	if len(writers) == 0 {
		return
	}
	for _, w := range writers {
		close(w.stop)
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	for _, w := range writers {
		select {
		case <-w.done:
		case <-ctx.Done():
		}
	}
}

// run writes what is queued until stop is closed.
func (w *writer) run() {
	defer close(w.done)
	defer w.place.close()
	introduced := false
	for {
		r, ok := w.next()
		if !ok {
			return
		}
		if r.flushed != nil {
			close(r.flushed)
			continue
		}
		if !introduced {
			introduced = w.introduce(r)
		}
		w.confess(r)
		if w.place.write(r) != nil {
			w.dropped.Add(1)
		}
	}
}

// next returns the next record; once stop is closed it returns what is left, and then
// false.
func (w *writer) next() (record, bool) {
	select {
	case r := <-w.queue:
		return r, true
	case <-w.stop:
	}
	select {
	case r := <-w.queue:
		return r, true
	default:
		return record{}, false
	}
}

// introduce writes the preface, as if it came just before r, and reports whether
// that is done.
func (w *writer) introduce(r record) bool {
	for _, text := range w.preface() {
		if w.place.write(record{time: r.time, level: Info, source: r.source, text: text}) != nil {
			return false
		}
	}
	return true
}

// confess tells, just before r, how many records were dropped.
func (w *writer) confess(r record) {
	n := w.dropped.Load()
	if n == 0 {
		return
	}
	text := fmt.Sprintf("log output was slow or failed, messages are missing here dropped=%d", n)
	if w.place.write(record{time: r.time, level: Warning, source: r.source, text: text}) == nil {
		w.dropped.Add(-n)
	}
}
