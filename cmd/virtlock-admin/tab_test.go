package main

import (
	"fmt"
	"strings"
	"testing"

	"virtlock/client/api"
)

// tabbed presses Tab after a line of the shell.
func tabbed(h house, line string) (insert, show string) {
	e := &env{columns: func() int { return 80 }, session: globals{socket: h.Socket}}
	return e.tab(line)
}

func TestTab(t *testing.T) {
	h := newHouse(t)
	odd := newFile(t, "my disk's \"$1\\;#.raw")
	h.hold(t, h.guest, api.Resource{Name: odd})
	dir := strings.TrimSuffix(odd, " disk's \"$1\\;#.raw")
	tests := map[string]struct{ line, insert, show string }{
		"Command":          {"lis", "t ", ""},
		"SecondCommand":    {"list; st", "atus ", ""},
		"AfterSemicolon":   {"list;st", "atus ", ""},
		"Alias":            {"lock-i", "nfo ", ""},
		"Option":           {"list --mo", "de ", ""},
		"Value":            {"list --mode s", "hared ", ""},
		"AfterEquals":      {"list --mode=s", "hared ", ""},
		"NoAliasBeside":    {"ec", "ho ", ""},
		"CommonStart":      {"connect v", "irtlockd:///s", ""},
		"Shown":            {"connect virtlockd:///s", "", "virtlockd:///system   virtlockd:///session\n"},
		"None":             {"nosuch ", "", ""},
		"Comment":          {"# li", "", ""},
		"AfterBackslash":   {`li\`, "", ""},
		"Unquoted":         {"inspect " + dir, `\ disk\'s\ \"$1\\\;#.raw `, ""},
		"InSingleQuotes":   {"inspect '" + dir + " d", `isk'\''s "$1\;#.raw' `, ""},
		"InDoubleQuotes":   {`inspect "` + dir + ` disk's \"`, `$1\\;#.raw" `, ""},
		"AfterQuotes":      {"inspect '" + dir + " d'", `isk\'s\ \"$1\\\;#.raw `, ""},
		"QuoteAfterEquals": {"list --name='" + dir + " d", `isk'\''s "$1\;#.raw' `, ""},
		"Owner":            {"list --owner w", "eb01 ", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if insert, show := tabbed(h, test.line); insert != test.insert || show != test.show {
				t.Errorf("Tab after %q inserts %q and shows %q, want %q and %q", test.line, insert, show, test.insert, test.show)
			}
		})
	}
}

func TestTabKeepsTheQuoteOfADirectory(t *testing.T) {
	dir := newFile(t, "x")
	dir = dir[:len(dir)-2]
	if insert, _ := tabbed(house{Daemon: newHouse(t).Daemon}, "cd '"+dir); insert != "/" {
		t.Errorf("inserts %q", insert)
	}
}

func TestTabAtTheStartOfAComment(t *testing.T) {
	if got := readCommands("inspect ").insertion("#1 disk", true); got != `\#1\ disk ` {
		t.Errorf("inserts %q", got)
	}
}

func TestShowCandidates(t *testing.T) {
	var list []candidate
	for i := range 5 {
		list = append(list, candidate{text: fmt.Sprintf("guest%d", i)})
	}
	compare(t, showCandidates(list, 20), "guest0  guest3\nguest1  guest4\nguest2\n")
	compare(t, showCandidates(list, 5), "guest0\nguest1\nguest2\nguest3\nguest4\n")
	for i := range 200 {
		list = append(list, candidate{text: fmt.Sprintf("guest%d", i)})
	}
	if got := showCandidates(list, 80); !strings.HasSuffix(got, "\nand 105 more\n") {
		t.Errorf("shows %q", got)
	}
}

func TestCommonStart(t *testing.T) {
	if got := commonStart([]candidate{{text: "dé1"}, {text: "dè2"}}); got != "d" {
		t.Errorf("commonStart cuts a character: %q", got)
	}
}
