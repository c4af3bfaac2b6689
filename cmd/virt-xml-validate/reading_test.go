package main

import (
	"bytes"
	"context"
	"io"
	"testing"
)

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
