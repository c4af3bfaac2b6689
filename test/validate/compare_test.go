package validate

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"virtlock/test/bed"
)

// theirs is libvirt's script.
const theirs = "/usr/bin/virt-xml-validate"

// outcome is what a program did: its exit status and what it printed.
type outcome struct {
	status   int
	out, err string
}

// runProgram runs a program with a file as its standard input.
func runProgram(t *testing.T, dir, stdin, program string, args ...string) outcome {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	// The race detector holds up the end of a program for a second.
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	if stdin != "" {
		input, err := os.Open(filepath.Join(dir, stdin))
		if err != nil {
			t.Fatal(err)
		}
		defer input.Close()
		cmd.Stdin = input
	}
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), out.String(), complaints.String()}
}

// verdict is the last line where it is one of libxml2's verdicts.
func (o outcome) verdict() string {
	lines := strings.Split(strings.TrimSpace(o.err), "\n")
	last := lines[len(lines)-1]
	if strings.HasSuffix(last, " validates") || strings.HasSuffix(last, " fails to validate") {
		return last
	}
	return ""
}

// sameEnd runs both programs, and fails unless they come to the same end.
func sameEnd(t *testing.T, dir, stdin string, args ...string) {
	t.Helper()
	ours := bed.Binary(t, "virt-xml-validate")
	want := runProgram(t, dir, stdin, theirs, args...)
	got := runProgram(t, dir, stdin, ours, args...)
	if got.status != want.status || got.verdict() != want.verdict() {
		t.Errorf("%q < %q: status %d, want %d\nours: %s\ntheirs: %s", args, stdin, got.status, want.status, got.err, want.err)
	}
}

// document is a file of a set: its name, and its schema.
type document struct{ file, schema string }

// compareAll compares the script on each file with ours on all of them at once.
func compareAll(t *testing.T, dir string, documents []document) {
	t.Helper()
	bed.Need(t, theirs, "/usr/bin/xmllint")
	got := oursOnAll(t, dir, documents)
	statuses := make(map[int]int)
	var mu sync.Mutex // guards statuses
	t.Run("Files", func(t *testing.T) {
		for _, d := range documents {
			t.Run(d.file, func(t *testing.T) {
				t.Parallel()
				want := runProgram(t, dir, "", theirs, d.file)
				got[d.file].compare(t, want)
				mu.Lock()
				defer mu.Unlock()
				statuses[want.status]++
			})
		}
	})
	t.Logf("compared %d files, files by exit status: %v", len(documents), statuses)
}

// ofJSON is what ours says about one file.
type ofJSON struct {
	File, Verdict, Raw string
	Status             int
}

// oursOnAll runs ours once.
func oursOnAll(t *testing.T, dir string, documents []document) map[string]ofJSON {
	t.Helper()
	words := []string{"--json", "--raw"}
	for _, d := range documents {
		words = append(words, d.file)
	}
	o := runProgram(t, dir, "", bed.Binary(t, "virt-xml-validate"), words...)
	var all struct{ Files []ofJSON }
	if err := json.Unmarshal([]byte(o.out), &all); err != nil || len(all.Files) != len(documents) {
		t.Fatalf("%d results for %d files: %v\n%s", len(all.Files), len(documents), err, o.err)
	}
	byName := make(map[string]ofJSON)
	for _, one := range all.Files {
		byName[one.File] = one
	}
	return byName
}

// compare compares the status, the verdict, and where libxml2 speaks its words.
// Ours makes bytes that are no text printable.
func (got ofJSON) compare(t *testing.T, want outcome) {
	t.Helper()
	if got.Status != want.status {
		t.Errorf("status %d (%s), want %d\ntheirs: %s", got.Status, got.Verdict, want.status, want.err)
	}
	for word, end := range map[string]string{"valid": " validates", "invalid": " fails to validate"} {
		if (got.Verdict == word) != strings.HasSuffix(want.verdict(), end) {
			t.Errorf("verdict %s, want %q", got.Verdict, want.verdict())
		}
	}
	if strings.Contains(want.err, theirs+": ") || got.Raw == "" {
		return // the script's own words, or ours
	}
	if words := strings.ToValidUTF8(want.err, "?"); got.Raw != words {
		t.Errorf("libxml2's words:\n%s\nwant:\n%s", got.Raw, words)
	}
}

// write puts a document into a directory.
func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
