package audit

import (
	"bytes"
	"time"
)

// pauseTime is how long the writer rests after each batch. So who changes one lock
// finds it in the file at once, and who changes thousands pays for few writes.
// retryTime is how long it waits when it cannot write.
const (
	pauseTime = 5 * time.Millisecond
	retryTime = time.Second
)

// maxChunk is about how much is written at a time.
const maxChunk = 64 << 10

// writer is what the goroutine has for itself.
type writer[T any] struct {
	*Trail[T]
	file    *file // nil when it is not open
	lost    gap[T]
	buffer  []byte
	failing bool
}

// run writes what is queued until the end.
func (t *Trail[T]) run() {
	defer close(t.done)
	w := &writer[T]{Trail: t}
	defer w.shut()
	var retry <-chan time.Time
	for {
		select {
		case <-t.work:
		case <-retry:
		case <-t.ended:
			w.writeAll()
			return
		}
		retry = nil
		if !w.writeAll() {
			retry = time.After(retryTime)
		}
		select {
		case <-time.After(pauseTime):
		case <-t.hurry:
		case <-t.ended:
		}
	}
}

// writeAll writes all that is queued, and reports whether it could. While there is no
// file to write to the records stay in the queue.
func (w *writer[T]) writeAll() bool {
	settings, reopen := w.wanted()
	if reopen || settings.File == "" || w.file != nil && w.file.moved() {
		w.shut()
	}
	if settings.File != "" && w.file == nil {
		f, err := openFile(settings.File)
		if err != nil {
			w.tell(err)
			return false
		}
		w.file = f
	}
	b := w.take()
	defer w.giveBack(b)
	if w.file == nil {
		return true // switched off meanwhile
	}
	ok := w.writeRecords(b.records, settings)
	if b.lost.count > 0 {
		w.lost.add(b.lost.count, b.lost.last)
	}
	if w.lost.count > 0 && ok {
		ok = w.writeRecords(nil, settings)
	}
	return ok
}

// writeRecords writes records, in chunks, after one that says what is missing before
// them. Those that could not be written are missing from then on.
func (w *writer[T]) writeRecords(records []T, s Settings) bool {
	ok := true
	for next := 0; next < len(records) || w.lost.count > 0 && next == 0; {
		chunk := w.buffer[:0]
		first := next
		confessed := w.lost.count > 0
		if confessed {
			record := w.format.Lost(w.lost.count, w.lost.last)
			chunk = append(w.format.Append(chunk, &record), '\n')
		}
		for next < len(records) && int64(len(chunk)) < min(maxChunk, s.MaxSize) {
			chunk = append(w.format.Append(chunk, &records[next]), '\n')
			next++
		}
		lines, err := w.file.write(chunk, s)
		w.tell(err)
		if confessed && lines > 0 {
			w.lost = gap[T]{}
			lines--
		}
		if missing := next - first - lines; missing > 0 {
			w.lost.add(uint64(missing), records[next-1])
		}
		ok = err == nil
		w.keep(chunk)
		if next == 0 {
			break // there was nothing but the confession
		}
	}
	return ok
}

// keep keeps a buffer for the next time.
func (w *writer[T]) keep(b []byte) {
	if w.buffer = b[:0]; cap(b) > 4*maxChunk {
		w.buffer = nil
	}
}

func (w *writer[T]) tell(err error) {
	if failing := err != nil; failing != w.failing {
		w.failing = failing
		w.format.Complain(err)
	}
}

func (w *writer[T]) shut() {
	if w.file != nil {
		w.file.Close()
		w.file = nil
	}
}

// countLines counts the lines that are there as a whole.
func countLines(b []byte) int { return bytes.Count(b, []byte{'\n'}) }
