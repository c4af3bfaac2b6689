package main

import (
	"slices"
	"strings"
	"testing"
)

// completed are the candidates' texts.
func completed(words ...string) []string {
	var list []string
	for _, c := range complete(words) {
		list = append(list, c.text)
	}
	return list
}

func TestComplete(t *testing.T) {
	for line, want := range map[string]string{
		"":                       ":files",
		"a":                      ":files",
		"a.xml domains":          "domainsnapshot :files",
		"a.xml b.xml ":           ":files",
		"--schema domains":       "domainsnapshot",
		"--schema=domains":       "domainsnapshot",
		"--schema = domains":     "domainsnapshot", // as bash takes it apart
		"--schema-dir ":          ":directories",
		"--schema-dir=x":         ":directories",
		"--sc":                   "--schema --schema-dir",
		"-- --sc":                ":files",
		"--json -q a.xml secre":  "secret :files",
		"--schema cpu a.xml --q": "--quiet",
		"--nonsense=":            "",
	} {
		if got := strings.Join(completed(strings.Split(line, " ")...), " "); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
	if got := completed("--schema", ""); !slices.Equal(got, schemaNames()) {
		t.Errorf("schemas: %q", got)
	}
}
