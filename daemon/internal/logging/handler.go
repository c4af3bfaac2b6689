package logging

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
)

// source is a part of the program that logs.
type source struct {
	name string
	// threshold is the least Level that reaches any output. Enabled needs no
	// more than this one load.
	threshold atomic.Int32
}

// handler is the slog.Handler of a source.
type handler struct {
	log    *Log
	source *source
	attrs  []byte // of With, ready to append
	group  string // of WithGroup, each name with a dot after it
}

// Enabled implements slog.Handler.
func (h *handler) Enabled(_ context.Context, l slog.Level) bool {
	return int32(levelOf(l)) >= h.source.threshold.Load()
}

// Handle implements slog.Handler. It never waits for an output.
func (h *handler) Handle(_ context.Context, r slog.Record) error {
	text := appendText(nil, r.Message)
	text = append(text, h.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		text = appendAttr(text, h.group, a)
		return true
	})
	h.log.send(record{time: r.Time, level: levelOf(r.Level), source: h.source.name, text: limit(text)})
	return nil
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	clone := *h
	clone.attrs = slices.Clip(clone.attrs) // a sibling may append to the same bytes
	for _, a := range attrs {
		clone.attrs = appendAttr(clone.attrs, h.group, a)
	}
	return &clone
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	clone := *h
	clone.group += name + "."
	return &clone
}
