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
