package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// xmllint is libxml2's program, which does the checking.
const xmllint = "xmllint"

// timeLimit is how long one call of xmllint may take.
const timeLimit = 30 * time.Second

// The exit statuses of xmllint that say something about the document.
const (
	lintMalformed = 1
	lintInvalid   = 3
)

// findXmllint returns the path of xmllint.
func findXmllint() (string, error) {
	path, err := exec.LookPath(xmllint)
	if err != nil {
		return "", &failure{
			message: "find xmllint, which does the checking: " + cause(err),
			hint:    "install it: apt install libxml2-utils, dnf install libxml2, zypper install libxml2-tools",
		}
	}
	return path, nil
}

// cause is an error without the names that are said already.
func cause(err error) string {
	if inner := errors.Unwrap(err); inner != nil {
		return inner.Error()
	}
	return err.Error()
}

// linter runs xmllint.
type linter struct{ path string }

// answer is what xmllint said.
type answer struct {
	status   int
	out, err []byte
}

// always are the options of every call: no network, no catalogs, and no copy of
// the document.
var always = []string{"--nonet", "--nocatalogs", "--noout"}

// validate checks one document against a schema.
func (l linter) validate(ctx context.Context, schemaFile string, document []byte) (answer, error) {
	return l.run(ctx, document, "--relaxng", schemaFile, "-")
}

// validateFiles checks several files, whose names must have no blanks, against
// a schema.
func (l linter) validateFiles(ctx context.Context, schemaFile string, files []string) (answer, error) {
	return l.run(ctx, nil, append([]string{"--relaxng", schemaFile}, files...)...)
}

// findsRoot reports whether libxml2 gets as far as the root element. It reads a
// document in pieces, and sees no element of one that is broken in the first.
// libvirt's script does not know then what to check, and has another exit status.
func (l linter) findsRoot(ctx context.Context, document []byte) (bool, error) {
	a, err := l.run(ctx, document, "--stream", "--debug", "-")
	if err != nil {
		return false, err
	}
	return bytes.HasPrefix(a.out, []byte("0 1 ")) || bytes.Contains(a.out, []byte("\n0 1 ")), nil
}

// run runs xmllint to its end, in its bounds.
func (l linter) run(ctx context.Context, document []byte, words ...string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, l.path, append(always[:len(always):len(always)], words...)...)
	cmd.Env = []string{"LC_ALL=C"} // none of libxml2's own variables
	cmd.WaitDelay = time.Second    // for what a script in its place has started
	out, complaints := &limitedBuffer{}, &limitedBuffer{}
	cmd.Stdout, cmd.Stderr = out, complaints
	input, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return answer{}, fmt.Errorf("start xmllint: %w", err)
	}
	// Who does not read must not be waited for longer than for who does not end.
	defer context.AfterFunc(ctx, func() { _ = input.Close() })()
	// It waits for the document, so that the limits hold before it sees any.
	err = limitProcess(cmd.Process.Pid)
	if err != nil {
		cancel()
	} else {
		_, _ = input.Write(document) // it may end before it has read all
	}
	_ = input.Close()
	ended := cmd.Wait()
	if err != nil {
		return answer{}, err
	}
	return conclude(ctx, ended, answer{cmd.ProcessState.ExitCode(), out.kept, complaints.kept})
}

// conclude tells an answer of xmllint from its having none.
func conclude(ctx context.Context, ended error, a answer) (answer, error) {
	var exit *exec.ExitError
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return a, fmt.Errorf("xmllint took longer than %v", timeLimit)
	case ctx.Err() != nil:
		return a, ctx.Err()
	case ended == nil:
		return a, nil
	case errors.As(ended, &exit) && exit.Exited():
		return a, nil
	case errors.As(ended, &exit):
		signal := exit.Sys().(syscall.WaitStatus).Signal()
		return a, fmt.Errorf("xmllint was ended by signal %v: it may use %d s and %d MiB", signal, cpuLimit, memoryLimit>>20)
	}
	return a, fmt.Errorf("run xmllint: %w", ended)
}

// reason is what xmllint says itself about why it could not check.
func (a answer) reason() string {
	first, _, _ := strings.Cut(strings.TrimSpace(string(a.err)), "\n")
	return fmt.Sprintf("xmllint failed with status %d: %s", a.status, first)
}
