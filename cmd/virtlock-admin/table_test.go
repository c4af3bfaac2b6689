package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

func sample() table {
	return table{
		columns: []column{{"Name", cutStart}, {"Mode", whole}, {"Owner", cutEnd}},
		rows: [][]string{
			{"/var/lib/libvirt/images/web01.qcow2", "exclusive", "web01"},
			{"/srv/日本語のディスク.raw", "shared", "a guest with quite a long name"},
			{"", "shared", "x_y  z"},
		},
	}
}

func print(t *testing.T, tab table, width int) string {
	t.Helper()
	var s strings.Builder
	if err := tab.print(&s, width); err != nil {
		t.Fatal(err)
	}
	return s.String()
}

func TestTableWhole(t *testing.T) {
	compare(t, print(t, sample(), 0), `
 Name                                  Mode        Owner
-----------------------------------------------------------------------------------
 /var/lib/libvirt/images/web01.qcow2   exclusive   web01
 /srv/日本語のディスク.raw             shared      a guest with quite a long name
                                       shared      x_y  z

`[1:])
}

func TestTableFits(t *testing.T) {
	compare(t, print(t, sample(), 50), `
 Name               Mode        Owner
--------------------------------------------------
 …ges/web01.qcow2   exclusive   web01
 …のディスク.raw    shared      a guest with qu…
                    shared      x_y  z

`[1:])
}

func TestTableFitsEveryWidth(t *testing.T) {
	for width := 1; width < 100; width++ {
		widest := 0
		for line := range strings.Lines(print(t, sample(), width)) {
			widest = max(widest, twwidth.Width(strings.TrimRight(line, "\n")))
		}
		// Three columns cut to the minimum, but for the one that is never cut.
		if narrowest := 2*minimum + len("exclusive") + 3*3; widest > max(width, narrowest) {
			t.Errorf("%d columns wide in a terminal of %d", widest, width)
		}
	}
}

func TestTableEmpty(t *testing.T) {
	tab := sample()
	tab.rows = nil
	compare(t, print(t, tab, 80), " Name   Mode   Owner\n----------------------\n\n")
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestTableSaysWhenItCannotBeWritten(t *testing.T) {
	if err := sample().print(fullDisk{}, 0); err == nil {
		t.Error("no error")
	}
	e := &env{out: fullDisk{}, err: new(strings.Builder)}
	if status := run(t.Context(), e, []string{"--help"}); status != exitFailed {
		t.Errorf("status = %d, want %d", status, exitFailed)
	}
}

// TestRowsAreAsTheLibraryDrawsThem compares, also with colours.
func TestRowsAreAsTheLibraryDrawsThem(t *testing.T) {
	tab := sample()
	tab.rows = append(tab.rows, []string{"/x", "\x1b[31mdead\x1b[0m", "é"}, []string{"", "", ""})
	var all strings.Builder
	if err := tab.draw(&all); err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for line := range strings.Lines(all.String()) {
		want.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	// The library ends a colour twice.
	plain := strings.NewReplacer("\x1b[31m", "", "\x1b[0m", "")
	compare(t, plain.Replace(print(t, tab, 0)), plain.Replace(want.String())+"\n")
}
