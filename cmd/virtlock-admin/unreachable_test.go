package main

import (
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"virtlock/client"
)

// TestUnreachableHint says how to start the daemon of the system, and no other one.
func TestUnreachableHint(t *testing.T) {
	for _, c := range []struct {
		socket string
		err    error
		starts bool
	}{
		{client.SystemDir + "/virtlockd-sock", fs.ErrNotExist, true},
		{client.SystemDir + "/virtlockd-sock", syscall.ECONNREFUSED, true},
		{client.SystemDir + "/virtlockd-sock", fs.ErrPermission, false},
		{"/home/user/.cache/libvirt/virtlockd-sock", fs.ErrNotExist, false},
	} {
		hint := unreachableHint(&client.UnreachableError{Socket: c.socket, Err: c.err})
		if starts := strings.HasPrefix(hint, startDaemon); starts != c.starts || hint == "" {
			t.Errorf("%s: %v: %q", c.socket, c.err, hint)
		}
	}
}
