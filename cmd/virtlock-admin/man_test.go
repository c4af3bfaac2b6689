package main

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"virtlock/client/api"
)

const manPage = "../../man/virtlock-admin.1"

// manCommand is a command in the man page: its name and its options.
var (
	manCommand = regexp.MustCompile(`(?s)\n\.It (?:Cm ([a-z-]+)|Xo\n\.Cm ([a-z-]+)\n(.*?)\.Xc)\n`)
	manOption  = regexp.MustCompile(`\bFl ([A-Za-z]|-[a-z-]+)\b`)
)

func optionNames(flags []cli.Flag) []string {
	var list []string
	for _, flag := range flags {
		names, _, _ := describe(flag)
		list = append(list, names...)
	}
	slices.Sort(list)
	return list
}

// manOptions are the options that a part of the man page names.
func manOptions(text string) []string {
	var list []string
	for _, found := range manOption.FindAllStringSubmatch(text, -1) {
		list = append(list, "-"+found[1])
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// manAliases are the aliases that the man page gives below the heading of a command.
func manAliases(text, heading string) []string {
	_, text, _ = strings.Cut(text, heading)
	if next := manCommand.FindStringIndex(text); next != nil {
		text = text[:next[0]]
	}
	_, text, _ = strings.Cut(text, "\nAlias:\n")
	var list []string
	for line := range strings.Lines(text) {
		name, ok := strings.CutPrefix(line, ".Cm ")
		if !ok {
			break
		}
		list = append(list, strings.TrimRight(name, " ,.\n"))
	}
	return list
}

// section is the text of the man page from a heading to the next.
func section(t *testing.T, page, heading string) string {
	t.Helper()
	_, text, found := strings.Cut(page, "\n.Sh "+heading+"\n")
	if !found {
		t.Fatalf("%s has no section %s", manPage, heading)
	}
	text, _, _ = strings.Cut(text, "\n.Sh ")
	return text
}

// TestManPage finds every command and option of the program in its man page and
// in the completion, and nothing else there.
func TestManPage(t *testing.T) {
	b, err := os.ReadFile(manPage)
	if err != nil {
		t.Fatal(err)
	}
	page, app := string(b), newApp(&env{})
	if got, want := manOptions(section(t, page, "DESCRIPTION")), optionNames(app.Flags); !slices.Equal(got, want) {
		t.Errorf("global options in the man page: %q, of the program: %q", got, want)
	}
	var described []string
	text := section(t, page, "COMMANDS")
	for _, found := range manCommand.FindAllStringSubmatch(text, -1) {
		name := found[1] + found[2]
		described = append(described, name)
		command := app.Command(name)
		if command == nil {
			t.Errorf("the man page has a command %q, the program has not", name)
			continue
		}
		want := optionNames(command.Flags)
		if got := manOptions(found[3]); !slices.Equal(got, want) {
			t.Errorf("options of %s in the man page: %q, of the program: %q", name, got, want)
		}
		if got := manAliases(text, found[0]); !slices.Equal(got, command.Aliases) {
			t.Errorf("aliases of %s in the man page: %q, of the program: %q", name, got, command.Aliases)
		}
		for _, alias := range command.Aliases {
			// One that a name begins with is completed to that.
			if got := texts(t, alias); len(got) == 0 || !slices.Contains(got, alias) && got[0] != name {
				t.Errorf("completion does not know the alias %s", alias)
			}
		}
		completed := texts(t, name, "-")
		slices.Sort(completed)
		all := append(want, optionNames(app.Flags)...)
		slices.Sort(all)
		if !slices.Equal(completed, all) {
			t.Errorf("completion offers for %s %q, want %q", name, completed, all)
		}
	}
	if got := texts(t, ""); !slices.Equal(got, described) {
		t.Errorf("completion offers %q, the man page describes %q", got, described)
	}
}

// TestManPageNamesNoOtherOption looks at the rest of the page too.
func TestManPageNamesNoOtherOption(t *testing.T) {
	b, err := os.ReadFile(manPage)
	if err != nil {
		t.Fatal(err)
	}
	app := newApp(&env{})
	known := optionNames(app.Flags)
	for _, command := range app.Commands {
		known = append(known, optionNames(command.Flags)...)
	}
	for _, option := range manOptions(string(b)) {
		if !slices.Contains(known, option) {
			t.Errorf("the man page names the option %s", option)
		}
	}
}

func TestManPagesAreClean(t *testing.T) {
	for _, page := range []string{manPage, "../../man/virtlock-protocol.7"} {
		if out, err := exec.Command("mandoc", "-T", "lint", "-W", "warning", page).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("mandoc: %v\n%s", err, out)
		}
	}
}

// TestManPageShowsTheTable draws the example of the man page.
func TestManPageShowsTheTable(t *testing.T) {
	hold := func(name string, pid int, ago time.Duration) api.Holder {
		return api.Holder{Owner: api.Owner{Name: name, PID: pid}, Since: now.Add(-ago)}
	}
	long := 125 * time.Minute
	e := &env{now: func() time.Time { return now }}
	want := print(t, e.lockTable([]api.Lock{
		{Name: "/srv/iso.raw", Mode: api.Shared, Holders: []api.Holder{hold("web01", 4242, long), hold("web02", 4305, 38*time.Second)}},
		{Name: "/srv/web01.raw", Mode: api.Exclusive, Holders: []api.Holder{hold("web01", 4242, long)}},
	}), 80)
	b, err := os.ReadFile(manPage)
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(b), "# virtlock-admin list\n")
	example, _, _ = strings.Cut(example, ".Ed\n")
	compare(t, example, want)
}
