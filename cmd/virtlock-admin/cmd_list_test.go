package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"virtlock/client/api"
)

// someLocks are locks for goldens.
func someLocks() []api.Lock {
	at := func(ago time.Duration) time.Time { return now.Add(-ago) }
	web01 := api.Owner{Name: "web01", UUID: "01234567-89ab-cdef-0123-456789abcdef", ID: 3, PID: 4242, TiedTo: api.TiedToProcess}
	evil := api.Owner{Name: "\x1b[2J", PID: 4305, TiedTo: api.TiedToConnection}
	return []api.Lock{
		{
			Name: "/srv/iso.raw", Path: "/srv/iso.raw", Mode: api.Shared, Device: "8:1", Inode: 131075,
			Holders: []api.Holder{
				{Owner: web01, Client: 7, Since: at(125 * time.Minute)},
				{Owner: evil, Client: 12, Since: at(38 * time.Second)},
			},
		},
		{
			Lockspace: "/var/lib/libvirt/lockd/files", Name: "3d0c9f", Mode: api.Exclusive, Autocreate: true,
			Path: "/var/lib/libvirt/lockd/files/3d0c9f", Device: "8:1", Inode: 131080,
			Holders: []api.Holder{{Owner: web01, Client: 7, Since: at(50 * time.Hour)}},
		},
	}
}

func TestLockTable(t *testing.T) {
	e := &env{now: func() time.Time { return now }}
	compare(t, print(t, e.lockTable(someLocks()[:1]), 0), `
 Name           Mode     Owner       PID    Age
---------------------------------------------------
 /srv/iso.raw   shared   web01       4242   2h 5m
 /srv/iso.raw   shared   "\x1b[2J"   4305   38s

`[1:])
	compare(t, print(t, e.lockTable(someLocks()), 0), `
 Lockspace                      Name           Mode        Owner       PID    Age
-------------------------------------------------------------------------------------
 direct                         /srv/iso.raw   shared      web01       4242   2h 5m
 direct                         /srv/iso.raw   shared      "\x1b[2J"   4305   38s
 /var/lib/libvirt/lockd/files   3d0c9f         exclusive   web01       4242   2d 2h

`[1:])
	compare(t, print(t, e.lockTable(someLocks()), 72), `
 Lockspace         Name           Mode        Owner       PID    Age
------------------------------------------------------------------------
 direct            /srv/iso.raw   shared      web01       4242   2h 5m
 direct            /srv/iso.raw   shared      "\x1b[2J"   4305   38s
 …rt/lockd/files   3d0c9f         exclusive   web01       4242   2d 2h

`[1:])
}

// TestLockTableOnNarrowTerminals leaves out columns, and never the name.
func TestLockTableOnNarrowTerminals(t *testing.T) {
	e := &env{now: func() time.Time { return now }}
	compare(t, print(t, e.lockTable(someLocks()), 40), `
 Lockspace     Name          Owner
----------------------------------------
 direct        …rv/iso.raw   web01
 direct        …rv/iso.raw   "\x1b[2J"
 …ockd/files   3d0c9f        web01

`[1:])
	compare(t, print(t, e.lockTable(someLocks()[:1]), 40), `
 Name        Mode     Owner       PID
----------------------------------------
 …/iso.raw   shared   web01       4242
 …/iso.raw   shared   "\x1b[2J"   4305

`[1:])
	for width := 30; width < 100; width++ {
		for line := range strings.Lines(print(t, e.lockTable(someLocks()), width)) {
			if got := textWidth(strings.TrimRight(line, "\n")); got > width {
				t.Errorf("%d columns wide in a terminal of %d", got, width)
			}
		}
	}
}

func TestRows(t *testing.T) {
	var s strings.Builder
	printRows(&s, someLocks())
	compare(t, s.String(), strings.ReplaceAll(`
-|/srv/iso.raw|shared|web01|01234567-89ab-cdef-0123-456789abcdef|4242|2026-11-22T13:18:41Z
-|/srv/iso.raw|shared|"\x1b[2J"|-|4305|2026-11-22T15:23:03Z
/var/lib/libvirt/lockd/files|3d0c9f|exclusive|web01|01234567-89ab-cdef-0123-456789abcdef|4242|2026-11-20T13:23:41Z
`[1:], "|", "\t"))
}

func TestList(t *testing.T) {
	h := newHouse(t)
	got := fields(h.ask(t, "list"))
	want := []string{h.image, "exclusive", "web01", strconv.Itoa(os.Getpid())}
	if len(got) != 1 || strings.Join(got[0][:4], " ") != strings.Join(want, " ") {
		t.Errorf("list = %q, want %q", got, want)
	}
	row := strings.Split(h.ask(t, "list", "-q"), "\t")
	if len(row) != 7 || row[1] != h.image || row[4] != h.guest.Owner.UUID {
		t.Errorf("list -q = %q", row)
	}
	var result api.LocksResult
	if err := json.Unmarshal([]byte(h.ask(t, "--json", "list")), &result); err != nil {
		t.Fatal(err)
	}
	if len(result.Locks) != 1 || result.Locks[0].Holders[0].Owner.ID != 7 {
		t.Errorf("list --json = %+v", result)
	}
}

// TestListAll is what people type who know virsh.
func TestListAll(t *testing.T) {
	h := newHouse(t)
	compare(t, h.ask(t, "-q", "list", "--all"), h.ask(t, "-q", "list"))
}

func TestListNothing(t *testing.T) {
	h := newHouse(t)
	compare(t, h.ask(t, "list", "--name", "nobody's"), " Name   Mode   Owner   PID   Age\n----------------------------------\n\n")
	compare(t, h.ask(t, "-q", "list", "--name", "nobody's"), "")
	compare(t, h.ask(t, "list", "--name", "nobody's", "--json"), "{\n  \"locks\": []\n}\n")
}

func TestListFilters(t *testing.T) {
	h := newHouse(t)
	space := filepath.Join(t.TempDir(), "leases")
	other := h.Client(t)
	other.Owner.Name = "db01"
	if err := other.CreateLockspace(t.Context(), space); err != nil {
		t.Fatal(err)
	}
	h.hold(t, other, api.Resource{Lockspace: space, Name: "a", Mode: api.Shared, Autocreate: true})
	tests := map[string]int{
		"":                                  2,
		"--lockspace direct":                1,
		"--lockspace " + space:              1,
		"--lockspace=":                      1,
		"--name */web01.raw":                1,
		"--owner db*":                       1,
		"--owner " + h.guest.Owner.UUID:     1,
		fmt.Sprint("--owner ", os.Getpid()): 2,
		"--mode shared":                     1,
		"--mode shared --owner web01":       0,
	}
	for options, want := range tests {
		t.Run(options, func(t *testing.T) {
			words := append([]string{"list", "-q"}, strings.Fields(options)...)
			if got := strings.Count(h.ask(t, words...), "\n"); got != want {
				t.Errorf("%d rows, want %d", got, want)
			}
		})
	}
}

func TestListRefused(t *testing.T) {
	h := newHouse(t)
	got := runLine(t, 0, "--socket", h.Socket, "list", "--name", "[")
	if got.status != exitUsage || !strings.HasPrefix(got.err, "error: ") || got.out != "" {
		t.Errorf("a bad pattern gives %+v", got)
	}
	got = runLine(t, 0, "--socket", h.Socket, "list", "--lockspace", "/nowhere")
	if got.status != exitNotFound || !strings.HasPrefix(got.err, "error: there is no lockspace \"/nowhere\"\nhint: ") || got.out != "" {
		t.Errorf("a lockspace that does not exist gives %+v", got)
	}
}
