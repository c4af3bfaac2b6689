package systemd

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"virtlock/client/api"
	"virtlock/test/bed"
)

const (
	service = "virtlockd.service"
	serving = "Serving on " + bed.Socket
)

// booted is the machine that all tests are on.
type booted struct{ *bed.Machine }

func TestSystemd(t *testing.T) {
	m := booted{bed.Boot(t, map[string]string{
		"/etc/default/virtlockd":      "VIRTLOCKD_ARGS=-v\n",
		"/etc/libvirt/virtlockd.conf": "",
	})}
	for _, test := range []struct {
		name string
		run  func(*testing.T, booted)
	}{
		{"units are clean", unitsAreClean},
		{"sockets are private", socketsArePrivate},
		{"first client starts the daemon", firstClientStartsTheDaemon},
		{"images may be anywhere", imagesMayBeAnywhere},
		{"log goes to the journal", logGoesToTheJournal},
		{"failed reload of the configuration shows", failedReloadShows},
		{"sockets that stop leave no file", socketsThatStopLeaveNoFile},
		{"prober wins what is free", proberWinsWhatIsFree},
		{"hand-back turns the watchdog off", handBackTurnsTheWatchdogOff},
		{"held", held},
	} {
		if !t.Run(test.name, func(t *testing.T) { test.run(t, m) }) {
			t.Log(m.Run("systemctl", "--no-pager", "--full", "status", service))
			t.Log(m.Run("journalctl", "--no-pager", "--lines=60", "--unit="+service))
		}
	}
}

func unitsAreClean(t *testing.T, m booted) {
	out, err := m.Run("sh", "-c", "systemd-analyze verify /usr/lib/systemd/system/virtlockd*")
	if err != nil || out != "" {
		t.Errorf("systemd-analyze verify: %v: %s", err, out)
	}
}

func socketsArePrivate(t *testing.T, m booted) {
	out := m.MustRun(t, "stat", "--format=%A %U", bed.Socket, bed.AdminSocket)
	if out != "srw------- root\nsrw------- root" {
		t.Errorf("got %s", out)
	}
}

func firstClientStartsTheDaemon(t *testing.T, m booted) {
	if state := m.Property(t, service, "ActiveState"); state != "inactive" {
		t.Fatalf("the service is %s already", state)
	}
	for _, socket := range []string{bed.Socket, bed.AdminSocket} {
		m.MustRun(t, "virtlock-admin", "--socket", socket, "status")
	}
	// Type=notify: systemd knows that it serves only from the daemon itself.
	m.WaitProperty(t, service, "SubState", "running")
	m.WaitProperty(t, service, "StatusText", serving)
	pid := m.mainPID(t)
	if status := m.status(t); status.PID != pid {
		t.Errorf("%d serves, and systemd's is %d", status.PID, pid)
	}
	// All that the unit gives it, or where the tests run with less, all of that.
	for line := range strings.Lines(m.MustRun(t, "cat", fmt.Sprintf("/proc/%d/limits", pid))) {
		if f := strings.Fields(line); len(f) > 4 && f[1] == "open" && f[3] != f[4] {
			t.Errorf("limits: %s", line)
		}
	}
	for property, want := range map[string]string{
		"LimitNOFILE": "524288", "LimitNOFILESoft": "1024", "OOMScoreAdjust": "-900",
		"StartLimitIntervalUSec": "0", "RestartUSec": "1s", "WatchdogUSec": "30s", "KillMode": "process",
	} {
		if got := m.Property(t, service, property); got != want {
			t.Errorf("%s is %s", property, got)
		}
	}
}

// imagesMayBeAnywhere: what the unit restricts is no directory and no mount, also
// none that came later than the daemon.
func imagesMayBeAnywhere(t *testing.T, m booted) {
	m.MustRun(t, "mount", "-t", "tmpfs", "tmpfs", "/mnt")
	c := m.Owner(t, "web01", m.Spawn(t))
	for _, dir := range []string{"/mnt", "/home", "/root", "/tmp", "/var/tmp", "/run", "/dev", "/boot", "/etc", "/usr", "/opt"} {
		image := dir + "/a.img"
		m.MustRun(t, "touch", image)
		c.MustAcquire(bed.Direct(image))
	}
	// In a lockspace, names are opened with openat2(2).
	const space = "/var/lib/leases"
	m.MustRun(t, "mkdir", "-p", space+"/sub")
	c.Must(api.LockspaceCreate, api.LockspaceParams{Path: space}, nil)
	c.MustAcquire(api.Resource{Lockspace: space, Name: "sub/a", Autocreate: true})
	if own, all := m.mounts(t, m.mainPID(t)), m.mounts(t, 1); own != all {
		t.Errorf("the service has mounts of its own: %s, not %s", own, all)
	}
}

// mounts names the mount namespace of a process.
func (m booted) mounts(t *testing.T, pid int) string {
	t.Helper()
	return m.MustRun(t, "readlink", fmt.Sprintf("/proc/%d/ns/mnt", pid))
}

func logGoesToTheJournal(t *testing.T, m booted) {
	m.wantJournal(t, "serving", "6")
}

// wantJournal waits for an entry of the daemon that begins with a text, with a
// priority of syslog(3).
func (m booted) wantJournal(t *testing.T, text, priority string) {
	t.Helper()
	bed.Eventually(t, text+" is in the journal", func() bool {
		out := m.MustRun(t, "journalctl", "--output=json", "--unit="+service, "PRIORITY="+priority)
		for line := range strings.Lines(out) {
			var entry struct{ MESSAGE string }
			if json.Unmarshal([]byte(line), &entry) == nil && strings.HasPrefix(entry.MESSAGE, text) {
				return true
			}
		}
		return false
	})
}

func failedReloadShows(t *testing.T, m booted) {
	m.MustRun(t, "sh", "-c", "echo max_clients = never >/etc/libvirt/virtlockd.conf")
	m.kill(t, "HUP")
	bed.Eventually(t, "the status shows it", func() bool {
		text := m.Property(t, service, "StatusText")
		return strings.HasPrefix(text, serving+"; ") && strings.Contains(text, "virtlockd.conf")
	})
	m.WaitProperty(t, service, "SubState", "running")
	m.wantJournal(t, "configuration not reloaded", "3")
	m.MustRun(t, "sh", "-c", ">/etc/libvirt/virtlockd.conf")
	m.kill(t, "HUP")
	m.WaitProperty(t, service, "StatusText", serving)
	m.WaitProperty(t, service, "SubState", "running")
}

func socketsThatStopLeaveNoFile(t *testing.T, m booted) {
	m.MustRun(t, "systemctl", "stop", service, "virtlockd.socket")
	if out, err := m.Run("ls", bed.Socket); err == nil {
		t.Errorf("there is %s", out)
	}
	if state := m.Property(t, service, "ActiveState"); state != "inactive" {
		t.Errorf("the service is %s", state)
	}
	if state := m.Property(t, "virtlockd-admin.socket", "ActiveState"); state != "inactive" {
		t.Errorf("the administration socket is %s", state)
	}
	m.MustRun(t, "systemctl", "start", "virtlockd.socket", "virtlockd-admin.socket")
	m.MustRun(t, "virtlock-admin", "status")
}

// proberWinsWhatIsFree: one that never wins would prove nothing.
func proberWinsWhatIsFree(t *testing.T, m booted) {
	o := m.newOwner(t)
	p := startProber(t, o.disk)
	o.release(t, m)
	p.await("won OFD")
	p.await("won POSIX")
}

// kill sends a signal to the daemon alone.
func (m booted) kill(t *testing.T, signal string) {
	t.Helper()
	m.MustRun(t, "systemctl", "kill", "--kill-who=main", "--signal="+signal, service)
}

func (m booted) mainPID(t *testing.T) int {
	t.Helper()
	pid, err := strconv.Atoi(m.Property(t, service, "MainPID"))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// status asks the daemon.
func (m booted) status(t *testing.T) (status struct{ PID int }) {
	t.Helper()
	out := m.MustRun(t, "virtlock-admin", "--json", "status")
	if err := json.Unmarshal([]byte(out), &status); err != nil {
		t.Fatal(err)
	}
	return status
}
