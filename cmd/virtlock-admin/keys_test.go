package main

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// passed is what the line editor gets of what is typed.
func passed(t *testing.T, typed string) string {
	t.Helper()
	ended := false
	k := &keys{in: iotest.OneByteReader(strings.NewReader(typed)), ended: func() { ended = true }}
	got, err := io.ReadAll(k)
	if err != nil || !ended {
		t.Errorf("after %q: ended %v, %v", typed, ended, err)
	}
	return string(got)
}

func TestKeys(t *testing.T) {
	del := string(deleteRight) + string(deleteLeft)
	tests := map[string]struct{ typed, want string }{
		"Text":              {"list ä日\t\r", "list ä日\t\r"},
		"Editing":           {"\x01\x02\x05\x06\x0b\x0c\x15\x17\x19\x7f\x08", "\x01\x02\x05\x06\x0b\x0c\x15\x17\x19\x7f\x08"},
		"CtrlC":             {"a\x03", "a\x03"},
		"CtrlD":             {"\x04", "\x04"},
		"CtrlZ":             {"a\x1ab", "ab"},
		"CtrlT":             {"a\x14b", "ab"},
		"CtrlSpace":         {"a\x00b", "ab"},
		"NoKeysAtAll":       {"\x0f\x11\x16\x18\x1c\x1d\x1e\x1f", ""},
		"Arrows":            {"\x1b[A\x1b[B\x1b[C\x1b[D", "\x10\x0e\x06\x02"},
		"ArrowsOther":       {"\x1bOA\x1bOB\x1bOC\x1bOD", "\x10\x0e\x06\x02"},
		"HomeEnd":           {"\x1b[H\x1b[F\x1bOH\x1bOF", "\x01\x05\x01\x05"},
		"HomeEndOther":      {"\x1b[1~\x1b[4~\x1b[7~\x1b[8~", "\x01\x05\x01\x05"},
		"Delete":            {"\x1b[3~", del},
		"Words":             {"\x1b[1;5C\x1b[1;5D\x1bf\x1bb", "\x1bf\x1bb\x1bf\x1bb"},
		"CutWords":          {"\x1bd\x1b\x7f", "\x1bd\x1b\x7f"},
		"OtherKeys":         {"a\x1b[2~\x1b[5~\x1b[15~\x1bOP\x1b[1;2A\x1bxb", "ab"},
		"FunctionOfConsole": {"a\x1b[[Ab", "ab"},
		"Position":          {"a\x1b[12;40Rb", "ab"},
		"EscapeTwice":       {"\x1b\x1b[A", "\x10"},
		"EscapeCtrlC":       {"\x1b\x03", "\x03"},
		"EscapeInSequence":  {"\x1b[1\x1b[A", "\x10"},
		"EscapeEnds":        {"a\x1b", "a"},
		"Paste":             {"\x1b[200~list\x1b[201~", "list"},
		"EndlessSequence":   {"\x1b[" + strings.Repeat("1", 100) + "~a", strings.Repeat("1", 100-longestEscape+1) + "~a"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := passed(t, test.typed); got != test.want {
				t.Errorf("%q gives %q, want %q", test.typed, got, test.want)
			}
		})
	}
}

// FuzzKeys lets nothing through that the editor cannot deal with.
func FuzzKeys(f *testing.F) {
	f.Add("list\x1b[3~\x1b[1;5C\x00\x1a\r")
	f.Add("\x1b\x1bO\x1b[[[\x1b[9999999999999999999999999999999999999")
	f.Fuzz(func(t *testing.T, typed string) {
		got := passed(t, typed)
		if strings.ContainsAny(got, "\x00\x14\x1a") {
			t.Errorf("%q gives %q", typed, got)
		}
		for i := range len(got) {
			if got[i] == escapeKey && (i+1 == len(got) || !strings.Contains("fbd\x7f", got[i+1:i+2])) {
				t.Errorf("%q gives %q", typed, got)
			}
		}
	})
}
