// Package logging is the daemon's log, with the levels, filters, outputs and
// lines of libvirt's daemons. It stands behind log/slog: each part of the daemon
// has a *slog.Logger that knows its source.
//
// Logging never waits for storage or for another program: each output has a
// bounded queue and a goroutine, and what does not get through is counted.
package logging

import (
	"context"
	"log/slog"
	"slices"
	"sync"
)

// Log is a log. All methods are safe for concurrent use.
type Log struct {
	fallback string

	change   sync.Mutex // held by who changes something; guards the settings
	settings Settings

	mu      sync.RWMutex // guards what follows; held for reading while a record is queued
	level   Level
	filters []Filter
	writers []*writer
	sources map[string]*source
	preface []string
	closed  bool
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
		l.updateLocked()
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

// Settings are the settings as they are now.
func (l *Log) Settings() Settings {
	l.change.Lock()
	defer l.change.Unlock()
	return l.settings
}

// Flush writes what is queued, or gives up when ctx ends.
func (l *Log) Flush(ctx context.Context) {
	l.mu.RLock()
	writers := slices.Clone(l.writers)
	l.mu.RUnlock()
	for _, w := range writers {
		w.flush(ctx)
	}
}

// Close writes what is queued, as long as the outputs take it without delay, and
// closes them. What is logged afterwards is lost. It does not wait for a change
// that hangs.
func (l *Log) Close() {
	l.mu.Lock()
	l.closed = true
	old := l.writers
	l.writers = nil
	l.updateLocked()
	l.mu.Unlock()
	closeAll(old)
}
