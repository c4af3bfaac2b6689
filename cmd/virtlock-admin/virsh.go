package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// virshProgram is libvirt's tool, which knows the guests by name.
const virshProgram = "virsh"

// errNoVirsh says that only descriptions can be checked here.
var errNoVirsh = errors.New("there is no virsh here to ask libvirt with")

// askVirsh runs a command of virsh, on a connection that may change nothing. It
// returns what was printed, and fails with virsh's own words.
func askVirsh(ctx context.Context, words ...string) (string, error) {
	path, err := exec.LookPath(virshProgram)
	if err != nil {
		return "", errNoVirsh
	}
	cmd := exec.CommandContext(ctx, path, append([]string{"-q", "-r"}, words...)...)
	// Its words are read, and so must not be in another language.
	cmd.Env = append(cmd.Environ(), "LC_ALL=C")
	cmd.WaitDelay = 100 * time.Millisecond // for what it has started, as a session's libvirtd
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	switch err := cmd.Run(); {
	case errors.Is(ctx.Err(), context.Canceled):
		return "", ctx.Err()
	case ctx.Err() != nil:
		return "", fmt.Errorf("virsh %s: libvirt does not answer", words[0])
	case err != nil && complaint.Len() > 0:
		return "", &virshError{words[0], lastComplaint(complaint.String())}
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		return "", fmt.Errorf("virsh %s: %w", words[0], err)
	}
	return out.String(), nil
}

// virshError is what virsh complains about.
type virshError struct{ command, words string }

func (e *virshError) Error() string { return fmt.Sprintf("virsh %s: %s", e.command, quote(e.words)) }

// notFound reports whether libvirt has no such guest.
func (e *virshError) notFound() bool {
	return strings.HasPrefix(e.words, "failed to get domain") || strings.HasPrefix(e.words, "Domain not found")
}

// noVolume reports whether libvirt has no such volume, or no such pool.
func (e *virshError) noVolume() bool {
	return strings.HasPrefix(e.words, "Storage volume not found") || strings.HasPrefix(e.words, "Storage pool not found")
}

// lastComplaint is the line that says why: those before it say what follows from it,
// and the first one names what was asked for.
func lastComplaint(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for _, line := range lines {
		if words := strings.TrimPrefix(line, "error: "); strings.HasPrefix(words, "failed to get domain") {
			return words
		}
	}
	return strings.TrimPrefix(lines[len(lines)-1], "error: ")
}

// guestNames are the guests that libvirt knows, running or not.
func guestNames(ctx context.Context, _ *env, _ []string, _ string) []candidate {
	names, err := askVirsh(ctx, "list", "--all", "--name")
	if err != nil {
		return nil // a shell has no place for an error
	}
	var list []candidate
	for line := range strings.Lines(names) {
		list = append(list, candidate{strings.TrimSuffix(line, "\n"), "guest"})
	}
	return printable(list)
}
