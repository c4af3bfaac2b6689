package main

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const manPage = "../../man/virt-xml-validate.1"

var (
	manOption = regexp.MustCompile(`\bFl ([A-Za-z]|-[a-z-]+)\b`)
	manSchema = regexp.MustCompile(`(?m)^\.It (\w+) Ta (\w+)$`)
)

func readManPage(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(manPage)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestManPage finds every option of the program in its man page, and nothing
// else there.
func TestManPage(t *testing.T) {
	var want, got []string
	for _, flag := range options() {
		want = append(want, optionNames(flag)...)
	}
	for _, found := range manOption.FindAllStringSubmatch(readManPage(t), -1) {
		got = append(got, "-"+found[1])
	}
	slices.Sort(want)
	slices.Sort(got)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		t.Errorf("options in the man page: %q, of the program: %q", got, want)
	}
}

// TestManPageHasTheSchemas compares the table, whose order matters.
func TestManPageHasTheSchemas(t *testing.T) {
	var got []schema
	for _, found := range manSchema.FindAllStringSubmatch(readManPage(t), -1) {
		got = append(got, schema{name: found[2], root: found[1]})
	}
	if !slices.Equal(got, schemas) {
		t.Errorf("schemas in the man page: %v", got)
	}
}

// TestManPageHasTheVerdicts looks for each of them.
func TestManPageHasTheVerdicts(t *testing.T) {
	page := readManPage(t)
	for _, v := range []verdict{valid, invalid, malformed, refused, missing, unknownRoot, noSchema, failed} {
		if !strings.Contains(page, ".Cm "+string(v)+"\n") && !strings.Contains(page, ".Cm "+string(v)+" ") {
			t.Errorf("the man page lacks the verdict %s", v)
		}
	}
}

// TestManPageShowsAFault prints the example of the man page.
func TestManPageShowsAFault(t *testing.T) {
	page := readManPage(t)
	set(t, map[string]string{"web01.xml": strings.NewReplacer("bogus", "disk", "madel", "model").Replace(guest)})
	said := runLine(t, "", "web01.xml").err
	if !strings.Contains(page, said) {
		t.Errorf("the man page does not show\n%s", said)
	}
}

func TestManPageIsClean(t *testing.T) {
	if out, err := exec.Command("mandoc", "-T", "lint", "-W", "warning", manPage).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("mandoc: %v\n%s", err, out)
	}
}
