package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"virtlock/client/api"
)

var update = flag.Bool("update", false, "write the transcripts anew")

// TestTranscripts plays what testdata says: a line that starts with $ is one of a
// user's shell, without the name of the program, and those with < are its standard
// input. What comes of it follows: its output, with ! the lines on standard error,
// and with ? the exit status. Whole files are compared; -update writes them.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		file, err := filepath.Abs(file) // the stage has another working directory
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := newStage(t).play(string(b))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			compare(t, got, string(b))
		})
	}
}

// stage is a daemon with locks for a transcript.
type stage struct {
	t     *testing.T
	names *strings.Replacer // of what is different each time
}

func newStage(t *testing.T) stage {
	t.Helper()
	h := newHouse(t)
	dir := t.TempDir()
	for _, name := range []string{"iso.raw", "my disk.raw"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		h.hold(t, h.guest, api.Resource{Name: path, Mode: api.Shared})
	}
	t.Setenv(defaultURI, "virtlockd:///system?socket="+h.Socket)
	t.Setenv("HOME", dir)
	t.Chdir(dir)
	return stage{t, strings.NewReplacer(
		h.image, "IMAGE", dir, "DIR", h.Socket, "SOCKET", strconv.Itoa(os.Getpid()), "PID", version, "VERSION",
	)}
}

// changing is what is different each time, and has no name.
var changing = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

// play returns a transcript with what comes of it now.
func (s stage) play(script string) string {
	var (
		out     strings.Builder
		command string
		input   []string
	)
	run := func() {
		if command != "" {
			fmt.Fprintf(&out, "\n%s\n%s", command, s.run(command[1:], input))
		}
		command, input = "", nil
	}
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, " \n")
		switch {
		case strings.HasPrefix(line, "#"): // what the transcript is about
			fmt.Fprintln(&out, line)
		case strings.HasPrefix(line, "$"):
			run()
			command = line
		case strings.HasPrefix(line, "<"):
			input = append(input, strings.TrimPrefix(line[1:], " "))
		}
	}
	run()
	return out.String()
}

// run runs one command line, whose words are as in a user's shell.
func (s stage) run(command string, input []string) string {
	var shown strings.Builder
	typed := ""
	for _, line := range input {
		fmt.Fprintln(&shown, "<", line)
		typed += line + "\n"
	}
	words := readCommands(command)
	words.endWord()
	e := &env{
		in: strings.NewReader(typed), out: prefixed{&shown, "| "}, err: prefixed{&shown, "! "},
		now: func() time.Time { return now },
	}
	if status := run(s.t.Context(), e, words.words); status != 0 {
		fmt.Fprintln(&shown, "?", status)
	}
	text := changing.ReplaceAllString(s.names.Replace(shown.String()), "TIME")
	return regexp.MustCompile(`(?m)[ \t]+$`).ReplaceAllString(text, "")
}

// prefixed writes lines with a prefix. It gets whole lines.
type prefixed struct {
	to     *strings.Builder
	prefix string
}

func (p prefixed) Write(b []byte) (int, error) {
	for line := range strings.Lines(string(b)) {
		p.to.WriteString(p.prefix + line)
	}
	return len(b), nil
}
