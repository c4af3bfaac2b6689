// Package logging is the daemon's log, with the levels, filters, outputs and
// lines of libvirt's daemons. It stands behind log/slog: each part of the daemon
// has a *slog.Logger that knows its source.
//
// Logging never waits for storage or for another program: each output has a
// bounded queue and a goroutine, and what does not get through is counted.
package logging

import (
	"log/slog"
	"os"
	"slices"
	"strconv"
	"sync"
)

// Log is a log. All methods are safe for concurrent use.
type Log struct {
	fallback string

	change   sync.Mutex // held by who changes something; guards the settings
	settings Settings
	closed   bool

	mu      sync.RWMutex // guards what follows; held for reading while a record is queued
	level   Level
	filters []Filter
	writers []*writer
	sources map[string]*source
	preface []string
}

// Open opens a log. The fallback is where it goes as long as the settings name no
// output: an output without its level, which is that of the settings. It fails
// with an *InvalidError or an *OpenError.
func Open(s Settings, fallback string) (*Log, error) {
	l := &Log{fallback: fallback, sources: make(map[string]*source)}
	if err := l.Apply(s); err != nil {
		return nil, err
	}
	return l, nil
}

// Logger returns the logger of a source, which is the name that filters match.
func (l *Log) Logger(name string) *slog.Logger {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.sources[name]
	if s == nil {
		s = &source{name: name}
		l.sources[name] = s
		l.updateLocked(s)
	}
	return slog.New(&handler{log: l, source: s})
}

// Introduce sets the lines that each output gets before its first message.
func (l *Log) Introduce(lines ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.preface = lines
}

func (l *Log) introduction() []string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.preface
}

// send queues a record for each output that wants it.
func (l *Log) send(r record) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, w := range l.writers {
		if r.level >= w.output.Level {
			w.send(r)
		}
	}
}

// Apply changes all settings, or fails as Open does and changes none. Files are
// opened anew, so that one that was moved away is started afresh. It waits for
// what is queued for outputs that are no longer there, but not long.
func (l *Log) Apply(s Settings) error {
	return l.set(func(old *Settings) { *old = s })
}

// SetLevel changes the level of the sources that no filter matches. It fails with
// an *InvalidError.
func (l *Log) SetLevel(level Level) error {
	return l.set(func(s *Settings) { s.Level = level })
}

// SetFilters changes the filters; "" removes them. It fails with an
// *InvalidError.
func (l *Log) SetFilters(filters string) error {
	return l.set(func(s *Settings) { s.Filters = filters })
}

// SetOutputs changes the outputs; "" goes back to the fallback. It fails as Open
// does.
func (l *Log) SetOutputs(outputs string) error {
	return l.set(func(s *Settings) { s.Outputs = outputs })
}

// set applies the settings with a change.
func (l *Log) set(change func(*Settings)) error {
	l.change.Lock()
	defer l.change.Unlock()
	if l.closed {
		return os.ErrClosed
	}
	s := l.settings
	change(&s)
	filters, outputs, err := s.parse()
	if err == nil && len(outputs) == 0 {
		outputs, err = ParseOutputs(strconv.Itoa(int(s.Level)) + ":" + l.fallback)
	}
	if err != nil {
		return err
	}
	writers, err := l.open(outputs)
	if err != nil {
		return err
	}
	l.settings = s
	closeAll(l.swap(s.Level, filters, outputs, writers))
	return nil
}

// open returns a writer for each output: that which is there already, but a new
// one for a file. The caller holds change.
func (l *Log) open(outputs []Output) ([]*writer, error) {
	var writers, started []*writer
	for _, o := range outputs {
		w := l.writerFor(o)
		if w == nil {
			place, err := o.open()
			if err != nil {
				closeAll(started)
				return nil, err
			}
			w = startWriter(o, place, l.introduction)
			started = append(started, w)
		}
		writers = append(writers, w)
	}
	return writers, nil
}

// writerFor returns the writer that may go on for an output, or nil.
func (l *Log) writerFor(o Output) *writer {
	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, w := range l.writers {
		if w.output.samePlace(o) && o.Kind != "file" {
			return w
		}
	}
	return nil
}

// swap puts everything in place at once, and returns the writers that are no
// longer needed.
func (l *Log) swap(level Level, filters []Filter, outputs []Output, writers []*writer) []*writer {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.writers
	l.level, l.filters, l.writers = level, filters, writers
	for i, w := range writers {
		w.output = outputs[i] // its level may have changed
	}
	for _, s := range l.sources {
		l.updateLocked(s)
	}
	return slices.DeleteFunc(old, func(w *writer) bool { return slices.Contains(writers, w) })
}

// updateLocked works out the threshold of a source.
func (l *Log) updateLocked(s *source) {
	least := off
	for _, w := range l.writers {
		least = min(least, w.output.Level)
	}
	s.threshold.Store(int32(max(least, levelFor(s.name, l.filters, l.level))))
}

// Filters returns the filters as libvirt shows them.
func (l *Log) Filters() string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return join(l.filters)
}

// Outputs returns the outputs as they are written in a configuration; the
// fallback too.
func (l *Log) Outputs() string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	outputs := make([]Output, len(l.writers))
	for i, w := range l.writers {
		outputs[i] = w.output
	}
	return join(outputs)
}

// Close writes what is queued, as long as the outputs take it without delay, and
// closes them. What is logged afterwards is lost.
func (l *Log) Close() {
	l.change.Lock()
	defer l.change.Unlock()
	l.closed = true
	closeAll(l.swap(off, nil, nil, nil))
}
