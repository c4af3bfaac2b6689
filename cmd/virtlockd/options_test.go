package main

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestCommandLinesThatAreRefusedByBoth runs the real daemon and ours with the same
// words: same status, and the same first line.
func TestCommandLinesThatAreRefusedByBoth(t *testing.T) {
	for _, line := range lines {
		if line.err == "" {
			continue
		}
		t.Run(line.words, func(t *testing.T) {
			want := runAs("virtlockd", theirs, line.words)
			got := runAs("virtlockd", ours, line.words)
			first := func(s string) string { first, _, _ := strings.Cut(s, "\n"); return first }
			if got.status != exitUsage || want.status != exitUsage || first(got.stderr) != first(want.stderr) {
				t.Errorf("got %d %q, the real one %d %q", got.status, first(got.stderr), want.status, first(want.stderr))
			}
			checkContains(t, got.stderr, "\nUsage:\n  virtlockd [options]\n")
		})
	}
}

// runAs runs a program, with a name of its own, until it ends by itself.
func runAs(name, program, words string) result {
	cmd := exec.Command(program)
	cmd.Args = append([]string{name}, strings.Fields(words)...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Run()
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

func TestVersion(t *testing.T) {
	for _, words := range []string{"-V", "--version", "-dV", "-V -h", "word --vers"} {
		got := runAs("./odd/name", ours, words)
		if got != (result{0, "./odd/name (virtlock) " + version + "\n", ""}) {
			t.Errorf("%s: got %+v", words, got)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, words := range []string{"-h", "--help", "-hx", "-h -V", "-h -t abc"} {
		got := runAs("name", ours, words)
		if got.status != 0 || got.stdout != "" {
			t.Errorf("%s: got %+v", words, got)
		}
		for _, want := range []string{
			"\nUsage:\n  name [options]\n\nOptions:\n", "  Default paths:\n",
			"/etc/libvirt/virtlockd.conf\n", "/run/libvirt/virtlockd-sock\n", "/run/virtlockd.pid\n",
		} {
			checkContains(t, got.stderr, want)
		}
	}
}

// TestHelpNamesEveryOption holds the help and the real one's against the table.
func TestHelpNamesEveryOption(t *testing.T) {
	options := regexp.MustCompile(`(?m)^  -[a-zA-Z] \| --[a-z-]+( <[a-z]+>)?`)
	in := func(text string) map[string]bool {
		set := make(map[string]bool)
		for _, option := range options.FindAllString(text, -1) {
			set[option] = true
		}
		return set
	}
	got, want := in(runAs("x", ours, "-h").stderr), in(runAs("x", theirs, "-h").stderr)
	if len(got) != len(knownOptions) {
		t.Errorf("the help has %d options, the table %d", len(got), len(knownOptions))
	}
	for option := range want {
		if !got[option] {
			t.Errorf("%q of the real one is missing", option)
		}
	}
}

func TestTimeoutsThatAreNotValid(t *testing.T) {
	for _, words := range []string{"-t abc", "-t -1", "-t5m", "--timeout=2147484", "-d -t abc", "-t abc -h"} {
		got := runAs("virtlockd", ours, words)
		if got.status != exitUsage {
			t.Errorf("%s: status %d", words, got.status)
		}
		if !strings.HasPrefix(got.stderr, "virtlockd: error: Invalid value for timeout") {
			t.Errorf("%s: got %q", words, got.stderr)
		}
	}
}
