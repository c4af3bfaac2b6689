package main

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"virtlock/client/api"
)

func TestPrintStatus(t *testing.T) {
	var s strings.Builder
	e := &env{out: &s, now: func() time.Time { return now }}
	e.printStatus(api.Status{
		Version: "1.2.3", Protocol: 1, PID: 812, Started: now.Add(-76 * time.Hour), Socket: "/run/libvirt/virtlockd-sock",
		Lockspaces: 2, Locks: 40, Holders: 41, Owners: 30, Waiters: 1,
		Clients: 31, MaxClients: 1024, AdminClients: 1, AdminMaxClients: 5, Subscribers: 2,
		OpenFiles: 83, MaxOpenFiles: 524288, Granted: 1234, Refused: 5, Released: 1194,
		Keeper: &api.Keeper{PID: 813, Locks: 40, Holders: 41, Complete: true},
		Missing: []api.MissingLock{
			{Name: "/srv/a.img", Mode: api.Exclusive, Owner: api.Owner{Name: "web02", PID: 4305}, Reason: `process 99 ("dd") has it`},
			{Lockspace: "/srv/locks", Name: "a\tb", Mode: api.Shared, Owner: api.Owner{PID: 4306}, Reason: "bad\x1b[2J"},
		},
	})
	compare(t, s.String(), `
Version:        1.2.3 (protocol 1)
PID:            812
Started:        2026-11-19 12:23:41 +0100 (3d 4h ago)
Socket:         /run/libvirt/virtlockd-sock

Lockspaces:     2
Locks:          40
Holders:        41
Owners:         30
Waiters:        1
Keeper:         process 813, 40 locks, complete
Missing:        /srv/a.img (exclusive) of web02 (pid 4305): process 99 ("dd") has it
Missing:        /srv/locks "a\tb" (shared) of - (pid 4306): "bad\x1b[2J"

Clients:        31 of 1024
Admin clients:  1 of 5
Subscribers:    2
Open files:     83 of 524288

Granted:        1234
Refused:        5
Released:       1194

`[1:])
}

func TestStatus(t *testing.T) {
	h := newHouse(t)
	if out := h.ask(t, "status"); !strings.Contains(out, "\nPID:            "+strconv.Itoa(os.Getpid())+"\n") {
		t.Errorf("status = %s", out)
	}
	compare(t, h.ask(t, "status", "-q"), "")
	var status api.Status
	if err := json.Unmarshal([]byte(h.ask(t, "status", "--json")), &status); err != nil || status.Locks != 1 {
		t.Errorf("status --json = %+v, %v", status, err)
	}
}

func TestStatusOfKeepers(t *testing.T) {
	for want, k := range map[string]*api.Keeper{
		"none":                           nil,
		"process 7, 1 lock, complete":    {PID: 7, Locks: 1, Complete: true},
		"process 7, 0 locks, incomplete": {PID: 7},
	} {
		if got := keeper(k); got != want {
			t.Errorf("keeper = %q, want %q", got, want)
		}
	}
}

// TestStatusOfMissingLocks: a script hears of it, whatever it wants to see.
func TestStatusOfMissingLocks(t *testing.T) {
	socket := answering(t, `"result":{"version":"1","missing":[{"name":"/srv/a.img","mode":"exclusive","owner":{"name":"web01","pid":42},"reason":"taken"}]}`)
	for _, option := range []string{"--json", "-q", "--timeout=5"} {
		got := runLine(t, 0, "--socket", socket, "status", option)
		if got.status != exitFailed || !strings.HasPrefix(got.err, "error: 1 lock of running owners missing\nhint: ") {
			t.Errorf("%s: status %d, %q", option, got.status, got.err)
		}
		if shown := strings.Contains(got.out, "/srv/a.img"); shown == (option == "-q") {
			t.Errorf("%s: printed %q", option, got.out)
		}
	}
}
