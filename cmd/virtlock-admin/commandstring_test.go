package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestSplitCommands(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"Empty":             {"", "[]"},
		"Blank":             {" \t", "[]"},
		"Words":             {"list  --mode\tshared", `[["list" "--mode" "shared"]]`},
		"Semicolon":         {"list; status", `[["list"] ["status"]]`},
		"SemicolonInWord":   {"list;status", `[["list"] ["status"]]`},
		"Newline":           {"list\nstatus\n", `[["list"] ["status"]]`},
		"NothingBetween":    {";list;;\n;status; ", `[["list"] ["status"]]`},
		"SingleQuotes":      {`echo 'a  b' 'c\'`, `[["echo" "a  b" "c\\"]]`},
		"DoubleQuotes":      {`echo "a;  'b" "\"\\\n"`, `[["echo" "a;  'b" "\"\\n"]]`},
		"QuotesInWord":      {`e'ch'"o" a''b`, `[["echo" "ab"]]`},
		"EmptyWord":         {`echo '' ""`, `[["echo" "" ""]]`},
		"Backslash":         {`echo \; \#a a\ b \a`, `[["echo" ";" "#a" "a b" "a"]]`},
		"JoinedLines":       {"echo a\\\nb \\\n c", `[["echo" "ab" "c"]]`},
		"JoinedInQuotes":    {"echo \"a\\\nb\" 'a\\\nb'", `[["echo" "ab" "a\\\nb"]]`},
		"LineInQuotes":      {"echo 'a\nb'", `[["echo" "a\nb"]]`},
		"Comment":           {"# hi", "[]"},
		"CommentAfter":      {"echo a # b; c", `[["echo" "a"]]`},
		"CommentEndsLine":   {"echo a # b\necho c", `[["echo" "a"] ["echo" "c"]]`},
		"CommentAtOnce":     {"echo a;#b", `[["echo" "a"]]`},
		"NoCommentInWord":   {"echo a#b ''#c", `[["echo" "a#b" "#c"]]`},
		"BackslashNoEnd":    {"# a\\\necho b", `[["echo" "b"]]`},
		"NothingIsExpanded": {"echo $a * ~ `x` | y > z &", "[[\"echo\" \"$a\" \"*\" \"~\" \"`x`\" \"|\" \"y\" \">\" \"z\" \"&\"]]"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := splitCommands(test.text)
			if err != nil || fmt.Sprintf("%q", got) != test.want {
				t.Errorf("splitCommands(%q) = %q, %v; want %s", test.text, got, err, test.want)
			}
		})
	}
	for text, want := range map[string]string{
		`echo "a`:     `missing "`,
		`echo 'a`:     `missing '`,
		`echo a\`:     `nothing follows the \ at the end`,
		`echo "a; '\`: `nothing follows the \ at the end`,
	} {
		if _, err := splitCommands(text); err == nil || err.Error() != want {
			t.Errorf("splitCommands(%q) fails with %v, want %s", text, err, want)
		}
	}
}

// FuzzCommandString reads any text, and writes what was read so that it means the
// same again: once quoted as a whole, and once completed from its first half by Tab.
func FuzzCommandString(f *testing.F) {
	for _, seed := range []string{
		`list; inspect "a b" 'c'`, "echo a\\\nb # c\nd;;", `a\`, `"`, `'`, `''#`, "#\n\\\n", `--name="x'y\"z`, "\x00\xff;\t\r", `e'"'"'"`, "日本 語",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		commands, err := splitCommands(text)
		if err != nil {
			return
		}
		var lines []string
		for _, words := range commands {
			quoted := make([]string, len(words))
			for i, word := range words {
				quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
				completes(t, word)
			}
			lines = append(lines, strings.Join(quoted, " "))
		}
		again, err := splitCommands(strings.Join(lines, ";"))
		if err != nil || !slices.EqualFunc(again, commands, slices.Equal) {
			t.Errorf("%q read again: %q, %v", commands, again, err)
		}
	})
}

// completes types the first half of a word in each way, and lets Tab insert the
// rest.
func completes(t *testing.T, word string) {
	t.Helper()
	if strings.Contains(word, "\n") {
		return // which cannot be typed, and printable drops
	}
	half := word[:len(word)/2]
	for _, typed := range []string{
		"'" + strings.ReplaceAll(half, "'", `'\''`),
		`"` + escape(half, `"\`),
		"''" + escape(half, " \t\"'\\;"),
	} {
		line := "x " + typed
		line += readCommands(line).insertion(word, true)
		if strings.HasSuffix(word, "=") || strings.HasSuffix(word, "/") {
			continue // the quote stays open
		}
		got, err := splitCommands(line)
		if err != nil || len(got) != 1 || len(got[0]) != 2 || got[0][1] != word {
			t.Errorf("%q completed to %q: %q, %v", typed, line, got, err)
		}
	}
}
