package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
)

// TestInterruptedStorage gives up what hangs, as a file of a server that is gone.
func TestInterruptedStorage(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	hang := make(chan struct{})
	defer close(hang)
	_, err := untilDone(ctx, func() (int, error) {
		cancel()
		<-hang
		return 0, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("given up with %v", err)
	}
}

// TestInterrupted ends a program that waits for its standard input.
func TestInterrupted(t *testing.T) {
	in, writer := io.Pipe()
	defer writer.Close()
	var out, complaints bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	e := &env{in: in, out: &out, err: &complaints}
	go func() {
		_, _ = writer.Write([]byte("<network>")) // read, so that the next read waits
		cancel()
	}()
	if status := run(ctx, e, []string{"-"}); status != exitFailed {
		t.Errorf("status %d", status)
	}
	compare(t, complaints.String(), "error: interrupted\n")
}
