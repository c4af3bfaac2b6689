package logging

import (
	"os"
	"slices"
	"strconv"
)

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
	s := l.settings
	change(&s)
	filters, outputs, err := s.parse()
	if err == nil && len(outputs) == 0 {
		outputs, err = ParseOutputs(strconv.Itoa(int(s.Level)) + ":" + l.fallback)
	}
	if err != nil {
		return err
	}
	writers, started, err := l.open(outputs)
	if err != nil {
		return err
	}
	old, err := l.swap(s.Level, filters, outputs, writers)
	if err != nil {
		closeAll(started)
		return err
	}
	l.settings = s
	closeAll(old)
	return nil
}

// open returns a writer for each output: that which is there already, but a new
// one for a file; and again those that it started. The caller holds change.
func (l *Log) open(outputs []Output) (writers, started []*writer, err error) {
	for _, o := range outputs {
		w := l.writerFor(o)
		if w == nil {
			place, err := o.open()
			if err != nil {
				closeAll(started)
				return nil, nil, err
			}
			w = startWriter(o, place, l.introduction)
			started = append(started, w)
		}
		writers = append(writers, w)
	}
	return writers, started, nil
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
// longer needed. It fails if the log is closed.
func (l *Log) swap(level Level, filters []Filter, outputs []Output, writers []*writer) ([]*writer, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, os.ErrClosed
	}
	old := l.writers
	l.level, l.filters, l.writers = level, filters, writers
	for i, w := range writers {
		w.output = outputs[i] // its level may have changed
	}
	l.updateLocked()
	return slices.DeleteFunc(old, func(w *writer) bool { return slices.Contains(writers, w) }), nil
}

// updateLocked works out the threshold of each source.
func (l *Log) updateLocked() {
	least := off
	for _, w := range l.writers {
		least = min(least, w.output.Level)
	}
	for _, s := range l.sources {
		s.threshold.Store(int32(max(least, levelFor(s.name, l.filters, l.level))))
	}
}
