package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"virtlock/client"
	"virtlock/client/api"
)

func TestPrintInspect(t *testing.T) {
	var s strings.Builder
	e := &env{out: &s, now: func() time.Time { return now }}
	locks := someLocks()
	alias := locks[0]
	alias.Name, alias.Holders = "/srv/link.raw", alias.Holders[:1]
	waiter := api.Waiter{Owner: api.Owner{Name: "backup", PID: 99}, Since: now.Add(-time.Minute), Mode: api.Exclusive}
	locks[0].MoreHolders = 3
	err := e.printInspect(target{name: "/srv/hard.raw", file: "/srv/hard.raw"}, api.InspectResult{Lock: locks[0], Aliases: []api.Lock{alias}, Waiters: []api.Waiter{waiter}})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, s.String(), `
Asked for:      /srv/hard.raw (the same file)
Name:           /srv/iso.raw
Lockspace:      direct
File:           /srv/iso.raw
Device:         8:1
Inode:          131075
Mode:           shared
Autocreate:     no

Owner:          web01
UUID:           01234567-89ab-cdef-0123-456789abcdef
ID:             3
PID:            4242
Tied to:        process
Client:         7
Since:          2026-11-22 14:18:41 +0100 (2h 5m ago)

Owner:          "\x1b[2J"
UUID:           -
PID:            4305
Tied to:        connection
Client:         12
Since:          2026-11-22 16:23:03 +0100 (38s ago)

and 3 more

The same file under other names:
 Name            Mode     Owner   PID    Age
------------------------------------------------
 /srv/link.raw   shared   web01   4242   2h 5m

Waiting for it:
 Owner    UUID   PID   Mode        Age
------------------------------------------
 backup   -      99    exclusive   1m 0s

`[1:])
}

func TestInspect(t *testing.T) {
	h := newHouse(t)
	out := h.ask(t, "inspect", h.image)
	for _, want := range []string{
		"Name:           " + h.image, "Owner:          web01", "UUID:           " + h.guest.Owner.UUID,
		"PID:            " + strconv.Itoa(os.Getpid()), "Mode:           exclusive",
	} {
		if !strings.Contains(out, want+"\n") {
			t.Errorf("no line %q in:\n%s", want, out)
		}
	}
	if rows := h.ask(t, "inspect", h.image, "-q"); rows != h.ask(t, "list", "-q") {
		t.Errorf("inspect -q = %q, want what list -q prints", rows)
	}
	var result api.InspectResult
	if err := json.Unmarshal([]byte(h.ask(t, "inspect", h.image, "--json")), &result); err != nil {
		t.Fatal(err)
	}
	if result.Lock.Name != h.image || result.Aliases == nil || result.Waiters == nil {
		t.Errorf("inspect --json = %+v", result)
	}
}

// TestInspectFinds has two lockspaces with a resource of the same name.
func TestInspectFinds(t *testing.T) {
	h := newHouse(t)
	dir := t.TempDir()
	spaces := []string{filepath.Join(dir, "one"), filepath.Join(dir, "two")}
	for _, space := range spaces {
		if err := h.guest.CreateLockspace(t.Context(), space); err != nil {
			t.Fatal(err)
		}
		h.hold(t, h.guest, api.Resource{Lockspace: space, Name: "same", Autocreate: true})
	}
	h.hold(t, h.guest, api.Resource{Lockspace: spaces[0], Name: "only", Autocreate: true})
	link := filepath.Join(dir, "link")
	if err := os.Symlink(h.image, link); err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Dir(h.image))
	free := newFile(t, "free.raw")
	found := map[string][]string{
		"ByName":          {"only"},
		"ByFile":          {spaces[0] + "/only"},
		"ByLockspace":     {spaces[1], "same"},
		"Direct":          {"direct", h.image},
		"DirectEmpty":     {"", h.image},
		"ThroughASymlink": {link},
		"Relative":        {filepath.Base(h.image)},
		"RelativeDirect":  {"direct", "./" + filepath.Base(h.image)},
	}
	for name, args := range found {
		t.Run(name, func(t *testing.T) {
			out := h.ask(t, append([]string{"inspect"}, args...)...)
			if got := strings.HasPrefix(out, "Asked for:      "+link+" (the same file)\n"); got != (args[0] == link) {
				t.Errorf("printed:\n%s", out)
			}
		})
	}
	refused := map[string]struct {
		args   []string
		err    string
		status int
	}{
		"Ambiguous": {
			[]string{"same"},
			"error: \"same\" is held in 2 lockspaces\nhint: name one of them: " + strings.Join(spaces, ", ") + "\n",
			exitUsage,
		},
		"NotHeld": {
			[]string{"nobody's"},
			"error: nobody holds \"nobody's\", and there is no such file\nhint: virtlock-admin list shows what is held\n",
			exitNotFound,
		},
		"NotHeldFile": {
			[]string{free},
			"error: nobody holds \"" + free + "\"\nhint: virtlock-admin who " + free + " shows who uses it without a lock\n",
			exitNotFound,
		},
		"NoFile": {
			[]string{dir + "/x"},
			"error: nobody holds \"" + dir + "/x\", and there is no such file\nhint: virtlock-admin list shows what is held\n",
			exitNotFound,
		},
		"NoFileInDirect": {
			[]string{"direct", "x"},
			"error: nobody holds \"x\", and there is no such file\nhint: virtlock-admin list shows what is held\n",
			exitNotFound,
		},
		"NoFileInLockspace": {
			[]string{spaces[0], "x"},
			"error: nobody holds \"x\", and there is no such file\nhint: virtlock-admin list shows what is held\n",
			exitNotFound,
		},
	}
	for name, test := range refused {
		t.Run(name, func(t *testing.T) {
			got := runLine(t, 0, append([]string{"--socket", h.Socket, "inspect"}, test.args...)...)
			if got.status != test.status || got.out != "" {
				t.Errorf("status %d, output %q", got.status, got.out)
			}
			compare(t, got.err, test.err)
		})
	}
	// No lockspace is another answer than no lock.
	got := runLine(t, 0, "--socket", h.Socket, "inspect", dir+"/nowhere", "x")
	if got.status != exitNotFound || !strings.Contains(got.err, dir+"/nowhere") || !strings.Contains(got.err, "\nhint: ") {
		t.Errorf("inspect in no lockspace: %+v", got)
	}
}

func TestInspectWaiters(t *testing.T) {
	h := newHouse(t)
	ctx, cancel := context.WithCancel(t.Context())
	events, err := h.guest.Subscribe(ctx, string(api.EventLockWaiting))
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	backup := h.Client(t)
	backup.Owner.Name = "backup"
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = backup.Acquire(ctx, client.Forever, api.Resource{Name: h.image, Mode: api.Shared})
	}()
	if _, err := events.Next(); err != nil {
		t.Fatal(err)
	}
	if out := h.ask(t, "inspect", h.image); !strings.Contains(out, "\nWaiting for it:\n") || !strings.Contains(out, "backup") {
		t.Errorf("inspect shows nobody who waits:\n%s", out)
	}
	cancel()
	<-done
}
