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
	type outcome struct {
		bytes []byte
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		own := make([]byte, len(p)) // p is the caller's again when this is given up
		n, err := r.from.Read(own)
		done <- outcome{own[:n], err}
	}()
	select {
	case o := <-done:
		return copy(p, o.bytes), o.err
	case <-r.ctx.Done():
		return 0, r.ctx.Err()
	}
}
