package virtlock_test

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"unicode/utf8"
)

// width is that of the terminal that a manual has to fit.
const width = 80

var (
	overstrike = regexp.MustCompile(`.\x08`)
	// whole is a line that cannot be broken: a message of the protocol, or what
	// virt-xml-validate says of a place.
	whole = regexp.MustCompile(`^ +(-> |<- )?\{".*\}$|^ +[a-z0-9.]+:[0-9]+:[0-9]+: `)
)

// TestManualsFitATerminal: lines that a terminal breaks cannot be read, and what is
// copied from them does not run.
func TestManualsFitATerminal(t *testing.T) {
	pages, err := filepath.Glob("man/*")
	if err != nil || len(pages) == 0 {
		t.Fatal("found no manuals:", err)
	}
	for _, page := range pages {
		out, err := exec.Command("mandoc", "-T", "utf8", "-O", "width="+strconv.Itoa(width), page).Output()
		if err != nil {
			t.Fatalf("mandoc %s: %v", page, err)
		}
		for line := range bytes.Lines(overstrike.ReplaceAll(out, nil)) {
			line = bytes.TrimRight(line, "\n")
			if utf8.RuneCount(line) > width && !whole.Match(line) {
				t.Errorf("%s has a line of %d columns: %s", page, utf8.RuneCount(line), line)
			}
		}
	}
}
