package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"virtlock/client/api"
	"virtlock/daemon"
	"virtlock/daemon/daemontest"
)

// fail runs a command line that has to fail.
func (h house) fail(t *testing.T, status int, words ...string) string {
	t.Helper()
	got := runLine(t, 0, append([]string{"--socket", h.Socket}, words...)...)
	if got.status != status {
		t.Errorf("%q: %+v, want status %d", words, got, status)
	}
	return got.err
}

func TestLockspaces(t *testing.T) {
	h := newHouse(t)
	space := filepath.Join(t.TempDir(), "leases")
	compare(t, h.ask(t, "lockspace-create", space), space+" is a lockspace\n")
	compare(t, h.ask(t, "-q", "lockspace-create", space), "")
	compare(t, h.ask(t, "-q", "lockspace-list"), "-\t1\n"+space+"\t0\n")
	if rows := fields(h.ask(t, "lockspace-list")); len(rows) != 2 || rows[0][0] != direct || rows[1][0] != space {
		t.Errorf("lockspace-list = %q", rows)
	}
	var result api.LockspacesResult
	if err := json.Unmarshal([]byte(h.ask(t, "lockspace-list", "--json")), &result); err != nil || len(result.Lockspaces) != 2 {
		t.Errorf("--json: %+v, %v", result, err)
	}
	h.fail(t, exitUsage, "lockspace-create", "relative")
	h.fail(t, exitUsage, "lockspace-create")
	h.fail(t, exitDenied, "--readonly", "lockspace-create", space)
}

func TestClients(t *testing.T) {
	h := newHouse(t)
	row := strings.Split(strings.Split(h.ask(t, "-q", "client-list", "--format", "id,protocol,socket,pid,user,owner,restricted,waiting"), "\n")[0], "\t")
	want := []string{"1", "json", "main", fmt.Sprint(os.Getpid()), userName(os.Getuid()), "web01", "no", "0"}
	if strings.Join(row, " ") != strings.Join(want, " ") {
		t.Errorf("client-list = %q, want %q", row, want)
	}
	compare(t, h.ask(t, "srv-clients-list", "virtlockd", "-q", "--format", "owner"), "web01\n-\n")
	out := h.ask(t, "client-info", "virtlockd", "1")
	for _, line := range []string{"Id:             1", "Owner:          web01", "UUID:           " + h.guest.Owner.UUID, "Tied to:        connection"} {
		if !strings.Contains(out, line+"\n") {
			t.Errorf("no %q in:\n%s", line, out)
		}
	}
	var one api.Client
	if err := json.Unmarshal([]byte(h.ask(t, "--json", "client-info", "1")), &one); err != nil || one.ID != 1 {
		t.Errorf("--json: %+v, %v", one, err)
	}
	compare(t, h.fail(t, exitNotFound, "client-info", "999"), "error: there is no client 999\nhint: virtlock-admin client-list shows them\n")
	h.fail(t, exitUsage, "client-info", "x")
	h.fail(t, exitUsage, "client-info")
	h.fail(t, exitUsage, "client-list", "extra")
}

// TestClientDisconnect closes the connection of a guest, whose lock is tied to it.
func TestClientDisconnect(t *testing.T) {
	h := newHouse(t)
	compare(t, h.fail(t, exitUsage, "client-disconnect", "1"), "error: client-disconnect needs --reason TEXT\nhint: the history keeps it, for whoever asks later\n")
	compare(t, h.ask(t, "client-disconnect", "1", "--reason", "test"), "Client 1 is disconnected\n")
	eventually(t, "the lock is gone", func() bool { return h.ask(t, "-q", "list") == "" })
	compare(t, h.fail(t, exitNotFound, "client-disconnect", "1", "--reason", "test"), "error: there is no client 1\nhint: virtlock-admin client-list shows them\n")
	h.fail(t, exitDenied, "-r", "client-disconnect", "1", "--reason", "test")
}

func TestOwnerList(t *testing.T) {
	h := newHouse(t)
	compare(t, h.ask(t, "-q", "owner-list", "--format", "pid,owner,uuid,id,locks,waiting,clients,state"),
		fmt.Sprintf("%d\tweb01\t%s\t7\t1\t0\t1\talive\n", os.Getpid(), h.guest.Owner.UUID))
	if rows := fields(h.ask(t, "owner-list")); len(rows) != 1 || rows[0][1] != "web01" {
		t.Errorf("owner-list = %q", rows)
	}
	var result api.OwnersResult
	if err := json.Unmarshal([]byte(h.ask(t, "owner-list", "--json")), &result); err != nil || len(result.Owners) != 1 {
		t.Errorf("--json: %+v, %v", result, err)
	}
	h.fail(t, exitUsage, "owner-list", "extra")
}

func TestLimits(t *testing.T) {
	h := newHouse(t)
	compare(t, h.ask(t, "-q", "limits"), "1024\t5000\t0\n")
	compare(t, h.ask(t, "limits", "--max-clients", "2000", "--idle-timeout", "60"),
		"Max clients:    2000\nAdmin clients:  5000\nIdle timeout:   60\n\n")
	compare(t, h.ask(t, "-q", "srv-clients-set", "virtlockd", "--admin-max-clients", "10"), "2000\t10\t60\n")
	compare(t, h.ask(t, "daemon-timeout", "--timeout", "0"), "")
	compare(t, h.ask(t, "-q", "-r", "limits"), "2000\t10\t0\n")
	h.fail(t, exitDenied, "-r", "limits", "--max-clients", "1")
	h.fail(t, exitUsage, "limits", "--max-clients", "many")
	h.fail(t, exitUsage, "limits", "5")
	h.fail(t, exitUsage, "daemon-timeout")
}

func TestLogSettings(t *testing.T) {
	log, err := daemon.OpenLog(daemon.DefaultSettings(), "file:/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	h := house{Daemon: daemontest.StartWith(t, func(c *daemon.Config) { c.Log = log })}
	compare(t, h.ask(t, "log-filters", "1:lockspace"), "Logging filters: 1:*lockspace*\n")
	compare(t, h.ask(t, "-q", "daemon-log-filters", "--filters", "3:conn"), "3:*conn*\n")
	compare(t, h.ask(t, "-q", "-r", "log-filters"), "3:*conn*\n")
	compare(t, h.ask(t, "-q", "log-filters", ""), "\n")
	h.fail(t, exitUsage, "log-filters", "nonsense")
	h.fail(t, exitUsage, "log-filters", "a", "b")
	h.fail(t, exitDenied, "-r", "log-outputs", "1:stderr")
	file := filepath.Join(t.TempDir(), "log")
	compare(t, h.ask(t, "log-outputs", "1:file:"+file), "Logging outputs: 1:file:"+file+"\n")
	var settings api.LogSettings
	if err := json.Unmarshal([]byte(h.ask(t, "--json", "log-outputs")), &settings); err != nil || settings.Outputs != "1:file:"+file {
		t.Errorf("--json: %+v, %v", settings, err)
	}
}
