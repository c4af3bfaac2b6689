package handover

import (
	"bytes"
	"errors"
	"os"
	"reflect"
	"testing"
)

// wholeState has something in every field of every record.
func wholeState() *State {
	owner := Owner{Name: "web01", UUID: "5191e708-d548-45a7-93ee-ab3a6a27e757", ID: 7, PID: 4711, Start: 123456, Tie: 3, Gone: true}
	resource := Resource{Space: "/space", Name: "disk", Shared: true, Autocreate: true}
	return &State{
		PID: 4242, Program: "1.0", Started: 1795342460123456789,
		Totals: Totals{1, 2, 3, 4, 5, 6, 7, 8},
		Spaces: []string{"/space", "/other space"},
		Holds: []Hold{{
			ID: 300, Lock: 301, FD: 12, Space: "/space", Name: "disk", Shared: true, Autocreate: true,
			File: File{Device: 64769, Inode: 99, Node: 100}, Owner: owner, Client: 8, Since: 1795342460000000001, Missing: "locked by process 9",
		}},
		Clients: []Client{{
			ID: 8, FD: 13, Socket: "main", Connected: 1795342460000000002, Protocol: "json", Restricted: true,
			In: []byte("half a req"), Out: []byte("half an ans"), TooLong: true, Skipped: 5, Owners: []Owner{owner, {PID: 1}},
			Subscription: &Subscription{Types: []string{"lock.acquired"}, Waiting: [][]byte{[]byte("{}")}, Lost: []byte(`{"lost":2}`)},
		}},
		Waits:    []Wait{{Client: 8, Request: []byte("17"), Owner: 1, Resources: []Resource{resource}, Since: 11, Deadline: 12}},
		Callers:  []Caller{{Client: 8, Request: []byte(`"a"`)}},
		Fences:   []Fence{{PID: 4711, Start: 123456, KillAt: 13, GiveUpAt: 14, Client: 8, ClientPID: 99, Reason: "hangs"}},
		Sockets:  []Socket{{Name: "main", FD: 3, Unlink: true, MaxClients: 1024, MaxAnonymous: 1023}},
		Files:    []NamedFile{{Name: "keeper", FD: 14}},
		Notes:    []Note{{Name: "keeper", Value: "4712"}},
		Settings: Settings{LogLevel: 2, LogFilters: "1:daemon", LogOutputs: "1:stderr", MaxClients: 1024, AdminMaxClients: 5000, IdleTimeout: 15},
	}
}

// stateFile is a state as the first release wrote it. It stays for ever: an
// upgrade from any release has to read it.
const stateFile = "testdata/state-1"

func TestStateOfFormat1(t *testing.T) {
	if *update {
		must(t, os.WriteFile(stateFile, wholeState().Append(nil), 0o644))
	}
	golden, err := os.ReadFile(stateFile)
	must(t, err)
	if got := wholeState().Append(nil); !bytes.Equal(got, golden) {
		t.Errorf("is written as %x", got)
	}
	got, err := ReadState(golden)
	must(t, err)
	if !reflect.DeepEqual(got, wholeState()) {
		t.Errorf("is read as %+v", got)
	}
}

// auditFile is a state as it was written when there were a history and locks taken by
// force.
const auditFile = "testdata/state-1-audit"

func TestStateWithAHistory(t *testing.T) {
	whole := wholeState()
	whole.Forced = []Forced{{
		PID: 4711, Start: 123456, Space: "/space", Name: "disk", Time: 16, Client: 8, ClientPID: 99, ClientUID: 107,
		Command: "virtlock-admin", Reason: "split brain",
	}}
	whole.Settings.AuditFile, whole.Settings.AuditMaxSize, whole.Settings.AuditFiles = "/audit", 1<<24, 4
	if *update {
		must(t, os.WriteFile(auditFile, whole.Append(nil), 0o644))
	}
	golden, err := os.ReadFile(auditFile)
	must(t, err)
	if got := whole.Append(nil); !bytes.Equal(got, golden) {
		t.Errorf("is written as %x", got)
	}
	got, err := ReadState(golden)
	must(t, err)
	if !reflect.DeepEqual(got, whole) {
		t.Errorf("is read as %+v", got)
	}
}

// A field of a newer program is skipped, wherever it is.
func TestStateOfANewerProgram(t *testing.T) {
	b := wholeState().Append(nil)
	b = appendNumber(b, 100, 5)
	b = appendBytes(b, 101, "something new")
	b = appendRecord(b, 7, func(b []byte) []byte {
		return appendBytes((&Hold{ID: 5, FD: -1}).append(b), 99, "new in a hold")
	})
	got, err := ReadState(b)
	must(t, err)
	if len(got.Holds) != 2 || got.Holds[1].ID != 5 || got.Holds[1].FD != -1 {
		t.Errorf("holds are read as %+v", got.Holds)
	}
}

func TestStateThatCannotBeRead(t *testing.T) {
	whole := wholeState().Append(nil)
	newer := appendNumber([]byte(stateMagic), 1, Format+1)
	var format *FormatError
	if _, err := ReadState(newer); !errors.As(err, &format) || format.Format != Format+1 {
		t.Errorf("a newer format: %v", err)
	}
	for n := range len(whole) {
		// What is cut between two fields cannot be told from a whole one: that is
		// why a successor says what it has found.
		if _, err := ReadState(whole[:n]); err != nil && !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrNoState) {
			t.Errorf("cut after %d bytes: %v", n, err)
		}
	}
}
