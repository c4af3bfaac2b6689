package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMain is the program itself when the shells of these tests call it.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == programName {
		main()
	}
	os.Exit(m.Run())
}

// outcome is what a command line did.
type outcome struct {
	out, err string
	status   int
}

// runLine runs a command line, with a text on its standard input.
func runLine(t *testing.T, input string, words ...string) outcome {
	t.Helper()
	var out, complaints bytes.Buffer
	e := &env{in: strings.NewReader(input), out: &out, err: &complaints}
	status := run(t.Context(), e, words)
	return outcome{out.String(), complaints.String(), status}
}

// compare compares whole outputs.
func compare(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// newFile writes a file into a directory of its own.
func newFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const network = "<network>\n  <name>default</name>\n</network>\n"
