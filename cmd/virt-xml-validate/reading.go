package main

import (
	"context"
	"io"
)

// failingReader has nothing but an error.
type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// interruptible is a reader whose reads end with the context. What a read that
// was given up still gets is lost.
type interruptible struct {
	ctx  context.Context
	from io.Reader
}

func (r *interruptible) Read(p []byte) (int, error) {
	bytes, err := untilDone(r.ctx, func() ([]byte, error) {
		own := make([]byte, len(p)) // p is the caller's again when this is given up
		n, err := r.from.Read(own)
		return own[:n], err
	})
	return copy(p, bytes), err
}

// untilDone calls f, and gives it up when the context ends: who is to type, and
// storage, may let it wait for ever.
func untilDone[T any](ctx context.Context, f func() (T, error)) (value T, err error) {
	done := make(chan struct{})
	var late T
	var failed error
	go func() {
		defer close(done)
		late, failed = f()
	}()
	select {
	case <-done:
		return late, failed
	case <-ctx.Done():
		return value, ctx.Err()
	}
}
