package main

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// lines are command lines, with the options found in them or the error.
var lines = []struct{ words, found, err string }{
	{"", "", ""},
	{"-v", "v", ""},
	{"-dv", "d v", ""},
	{"-dvt30", "d v t=30", ""},
	{"-t 30", "t=30", ""},
	{"-t -30", "t=-30", ""},
	{"-t -- -v", "t=-- v", ""},
	{"--timeout 30", "t=30", ""},
	{"--timeout=30", "t=30", ""},
	{"--timeout=", "t=", ""},
	{"--timeout==x", "t==x", ""},
	{"--tim 30", "t=30", ""},
	{"--t=30", "t=30", ""},
	{"--p x", "p=x", ""},
	{"--vers", "V", ""},
	{"one -v two -d three", "v d", ""},
	{"- -v", "v", ""},
	{"-v -- -d", "v", ""},
	{"-d -x -v", "d", "invalid option -- 'x'"},
	{"-v-", "v", "invalid option -- '-'"},
	{"-?", "", "invalid option -- '?'"},
	{"-t", "", "option requires an argument -- 't'"},
	{"-vf", "v", "option requires an argument -- 'f'"},
	{"--timeout", "", "option '--timeout' requires an argument"},
	{"--p", "", "option '--pid-file' requires an argument"},
	{"--bogus", "", "unrecognized option '--bogus'"},
	{"--bogus=3", "", "unrecognized option '--bogus=3'"},
	{"--help=3", "", "option '--help' doesn't allow an argument"},
	{"--he=", "", "option '--help' doesn't allow an argument"},
	{"--v", "", "option '--v' is ambiguous; possibilities: '--verbose' '--version'"},
	{"--ver=1", "", "option '--ver=1' is ambiguous; possibilities: '--verbose' '--version'"},
}

// found runs getopt over words and returns the options as the table has them.
func found(g getopt) (string, error) {
	var list []string
	for {
		o, value, err := g.next()
		if o == nil {
			return strings.Join(list, " "), err
		}
		item := string(o.short)
		if o.hasValue {
			item += "=" + value
		}
		list = append(list, item)
	}
}

func TestGetopt(t *testing.T) {
	for _, line := range lines {
		t.Run(line.words, func(t *testing.T) {
			got, err := found(getopt{options: knownOptions, words: strings.Fields(line.words)})
			if got != line.found {
				t.Errorf("found %q, want %q", got, line.found)
			}
			if message := errorText(err); message != line.err {
				t.Errorf("error %q, want %q", message, line.err)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestGetoptThatStopsAtTheFirstOtherWord(t *testing.T) {
	got, err := found(getopt{options: knownOptions, words: []string{"-v", "word", "-d"}, strict: true})
	if got != "v" || err != nil {
		t.Errorf("found %q, %v", got, err)
	}
}

func TestParseTimeout(t *testing.T) {
	for value, want := range map[string]time.Duration{"0": 0, "30": 30 * time.Second, "2147483": 2147483 * time.Second} {
		if got, err := parseTimeout(value); got != want || err != nil {
			t.Errorf("%s: got %v, %v", value, got, err)
		}
	}
	for _, value := range []string{"", "abc", "-1", "5m", "1.5", "2147484", "99999999999999999999", "0x10"} {
		_, err := parseTimeout(value)
		if err == nil || statusOf(err) != exitUsage || !strings.HasPrefix(err.Error(), "Invalid value for timeout") {
			t.Errorf("%q: got %v", value, err)
		}
	}
}

func FuzzParseOptions(f *testing.F) {
	for _, line := range lines {
		f.Add(strings.Join(strings.Fields(line.words), "\x00"))
	}
	f.Fuzz(func(t *testing.T, joined string) {
		words := strings.Split(joined, "\x00")
		before := slices.Clone(words)
		o, err := parseOptions(append([]string{"virtlockd"}, words...))
		if err == nil && o == nil {
			t.Error("neither options nor an error")
		}
		if !slices.Equal(words, before) {
			t.Error("the words were changed")
		}
		// Words after "--" never matter.
		if _, again := parseOptions(append([]string{"virtlockd", "--"}, words...)); again != nil {
			t.Errorf("after --: %v", again)
		}
	})
}
