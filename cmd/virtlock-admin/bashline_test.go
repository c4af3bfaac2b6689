package main

import (
	"slices"
	"strings"
	"testing"
)

func TestSplitLine(t *testing.T) {
	tests := map[string]struct {
		line  string
		words []string
		kept  int
		open  byte
	}{
		"Empty":         {"", []string{""}, 0, 0},
		"Words":         {"va list  -q", []string{"va", "list", "-q"}, 0, 0},
		"AfterBlank":    {"va list ", []string{"va", "list", ""}, 0, 0},
		"Escaped":       {`va a\ b\=c`, []string{"va", "a b=c"}, 0, 0},
		"Quoted":        {`va 'a "b' "c 'd"`, []string{"va", `a "b`, "c 'd"}, 0, 0},
		"EmptyWord":     {`va '' x`, []string{"va", "", "x"}, 0, 0},
		"OpenSingle":    {`va 'a \b`, []string{"va", `a \b`}, 0, '\''},
		"OpenDouble":    {`va "a \" \b`, []string{"va", `a " \b`}, 0, '"'},
		"OpenInWord":    {`va --name="a b`, []string{"va", "--name=a b"}, 7, '"'},
		"BreakEquals":   {"va --name=ab", []string{"va", "--name=ab"}, 7, 0},
		"BreakColons":   {"va -c virtlockd:///s", []string{"va", "-c", "virtlockd:///s"}, 10, 0},
		"QuotedBreak":   {`va 'a=b'c`, []string{"va", "a=bc"}, 0, 0},
		"LoneBackslash": {`va a\`, []string{"va", `a\`}, 0, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := splitLine(test.line, "=:")
			if !slices.Equal(got.words, test.words) || got.open != test.open {
				t.Errorf("splitLine(%q) = %q, open %q", test.line, got.words, got.open)
			}
			if test.open == 0 && strings.ContainsAny(test.line, `'"`) {
				return // the place does not matter once a quote is closed
			}
			if got.kept != test.kept {
				t.Errorf("splitLine(%q) keeps %d, want %d", test.line, got.kept, test.kept)
			}
		})
	}
}

func FuzzSplitLine(f *testing.F) {
	f.Add(`virtlock-admin list --name="a b`, "=:", "c d/")
	f.Add(`a 'b\' "c\`, "", "")
	f.Fuzz(func(t *testing.T, line, breaks, rest string) {
		l := splitLine(line, breaks)
		last := l.words[len(l.words)-1]
		if l.kept > len(last) {
			t.Fatalf("keeps %d of %q", l.kept, last)
		}
		l.insertion(candidate{text: last + rest})
	})
}
