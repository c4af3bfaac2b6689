package main

import (
	"slices"
	"strings"
	"testing"
)

func TestArrange(t *testing.T) {
	tests := map[string]struct{ line, want string }{
		"AsTheLibraryWants":    {"-q list --mode shared", "-q list --mode shared --"},
		"OptionsAfter":         {"inspect a --json b -q", "--json -q inspect -- a b"},
		"ValueInNextWord":      {"list --socket /s --name x", "--socket /s list --name x --"},
		"ValueInSameWord":      {"list --socket=/s --name=x", "--socket=/s list --name=x --"},
		"ValueLikeAnOption":    {"list --name -q", "list --name -q --"},
		"ValueLikeACommand":    {"--socket list status", "--socket list status --"},
		"DashesEndOptions":     {"inspect -- --json", "inspect -- --json"},
		"LoneDashIsAnArgument": {"inspect -", "inspect -- -"},
		"OneDashForLongNames":  {"list -json", "-json list --"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			line, err := arrange(newApp(&env{}), strings.Fields(test.line))
			if got := strings.Join(line.words, " "); err != nil || got != test.want {
				t.Errorf("arrange(%q) = %q, %v; want %q", test.line, got, err, test.want)
			}
		})
	}
}

func FuzzArrange(f *testing.F) {
	f.Add("list\x00--name\x00x\x00-q")
	f.Add("--\x00-\x00--=\x00-=")
	f.Fuzz(func(t *testing.T, line string) {
		words := strings.Split(line, "\x00")
		arranged, err := arrange(newApp(&env{}), words)
		if err != nil || arranged.help {
			return
		}
		for _, word := range words {
			if word != "--" && !slices.Contains(arranged.words, word) {
				t.Errorf("%q was dropped from %q", word, words)
			}
		}
	})
}
