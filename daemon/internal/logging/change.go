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
