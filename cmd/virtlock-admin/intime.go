package main

import (
	"context"
	"errors"
	"fmt"
)

// storageError is storage that did not answer in time.
type storageError struct{ of string }

func (e *storageError) Error() string {
	return fmt.Sprintf("the storage of %s does not answer", e.of)
}

// hint is for who waits for the storage.
func (e *storageError) hint() string {
	return "its server may be away: mount and dmesg say more; virtlock-admin list shows what is locked without asking it"
}

// inTime does what hangs when the storage of something does, as opening a file or
// following its name, and goes away when ctx ends. What was begun may hang on, so that
// it must share nothing with its caller.
func inTime[T any](ctx context.Context, of string, look func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := look()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		if err := context.Cause(ctx); !errors.Is(err, errNoAnswer) {
			return none, err
		}
		return none, &storageError{of}
	}
}
