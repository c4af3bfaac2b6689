package handover

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// Successor is a program that may take a daemon's place.
type Successor struct {
	Path    string
	Version string // what it says of itself
	// Libvirt says that it is libvirt's virtlockd, which reads a state of its own.
	Libvirt bool
}

// examineTime is how long a program may take to say its version, or to check a
// state.
const examineTime = 10 * time.Second

// childrenTime is how long children of a program that has ended may keep its
// output open.
const childrenTime = 100 * time.Millisecond

// Examine asks a program what it is. It fails when the program cannot be run, or
// is neither ours nor libvirt's.
func Examine(ctx context.Context, path string) (*Successor, error) {
	ctx, cancel := context.WithTimeout(ctx, examineTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "--version")
	cmd.Env = plainEnvironment()
	cmd.WaitDelay = childrenTime
	var out, complaint excerpt
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("run %q: %w", path+" --version", childError(ctx, err, &complaint))
	}
	version := out.line()
	s := &Successor{Path: path, Version: version}
	switch {
	case strings.Contains(version, "(libvirt)"):
		s.Libvirt = true
	case !strings.Contains(version, "(virtlock)"):
		return nil, fmt.Errorf("%q is no lock daemon: its version is %q", path, version)
	}
	return s, nil
}

// plainEnvironment is that of a child which is neither a daemon nor its keeper:
// nothing in it may make it believe so.
func plainEnvironment() []string { return []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"} }

// childError says how a child failed, with the first line of what it wrote to
// standard error.
func childError(ctx context.Context, err error, complaint *excerpt) error {
	if ctx.Err() != nil {
		err = errors.New("it did not end in time")
	}
	line := complaint.line()
	if line == "" {
		return err
	}
	return fmt.Errorf("%w: %q", err, line)
}
