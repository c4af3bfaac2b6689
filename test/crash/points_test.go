package crash

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What is done when the daemon ends.
type operation int

const (
	acquire operation = iota
	release
	reexec
	start
)

func (o operation) String() string { return [...]string{"acquire", "release", "reexec", "start"}[o] }

// point is a failpoint, and what comes by it.
type point struct {
	name string
	operation
	times string // ":N" for the N-th time
}

// points are all failpoints, in the order in which they are come by. What follows
// one without a step between is not there twice: after the journal is before the
// keeper.
var points = []point{
	{"before-lock", acquire, ""},
	{"after-lock", acquire, ""},
	{"before-journal-grant", acquire, ""},
	{"before-keeper-grant", acquire, ""},
	{"after-keeper-message", acquire, ""}, // of two locks only one is with the keeper
	{"before-commit", acquire, ""},
	{"after-commit", acquire, ""},
	{"before-reply", acquire, ":2"}, // to register is the first
	{"after-reply", acquire, ":2"},

	{"before-journal-drop", release, ""},
	{"before-keeper-drop", release, ""},
	{"after-keeper-drop", release, ""},
	{"before-unlock", release, ""},
	{"after-unlock", release, ""},
	{"before-reply", release, ":3"},
	{"after-reply", release, ":3"},

	{"before-exec", reexec, ""},
	{"after-exec", reexec, ""},
	{"after-state", reexec, ""},
	{"after-client-restored", reexec, ""},

	{"after-keeper-takeover", start, ""},
	{"within-rewrite", start, ""},
	{"before-serving", start, ""},
}

// TestEveryFailpointHasACase compares the table with the sources.
func TestEveryFailpointHasACase(t *testing.T) {
	known := make(map[string]bool)
	for _, p := range points {
		known[p.name] = false
	}
	here := regexp.MustCompile(`failpoint\.Here\("([^"]+)"\)`)
	err := filepath.WalkDir("../../daemon", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, found := range here.FindAllStringSubmatch(string(text), -1) {
			if _, ok := known[found[1]]; !ok {
				t.Errorf("%s: failpoint %q has no case", path, found[1])
			}
			known[found[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, found := range known {
		if !found {
			t.Errorf("there is no failpoint %q", name)
		}
	}
}
