package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/client"
	"virtlock/client/api"
	"virtlock/daemon"
	"virtlock/daemon/daemontest"
)

// patient is a daemon to look at, with a configuration of libvirt. Guests of other
// tests on this machine are seen too, so only what is expected is looked for.
type patient struct {
	house
	config string
}

func newPatient(t *testing.T) patient {
	t.Helper()
	p := patient{house: newHouse(t), config: t.TempDir()}
	p.configure(t, "qemu.conf", "# comment\nlock_manager = \"lockd\"\n")
	return p
}

func (p patient) configure(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.config, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// examine returns the findings and the exit status.
func (p patient) examine(t *testing.T, words ...string) ([]finding, int) {
	t.Helper()
	var out, err strings.Builder
	e := &env{out: &out, err: &err, now: time.Now, configDir: p.config}
	status := run(t.Context(), e, append([]string{"--socket", p.Socket, "--json", "doctor"}, words...))
	var answer struct{ Findings []finding }
	if e := json.Unmarshal([]byte(out.String()), &answer); e != nil || err.String() != "" {
		t.Fatalf("%v: %s%s", e, out.String(), err.String())
	}
	return answer.Findings, status
}

// find looks for a finding of a check whose message has a text.
func find(t *testing.T, findings []finding, s severity, check, text string) finding {
	t.Helper()
	for _, f := range findings {
		if f.Severity == s && f.Check == check && strings.Contains(f.Message, text) {
			if s != fine && (f.Why == "" || f.Mend == "") {
				t.Errorf("%+v does not say why, or how to mend it", f)
			}
			return f
		}
	}
	t.Errorf("no %s of %s with %q in:\n%+v", s, check, text, findings)
	return finding{}
}

func TestDoctorIsPleased(t *testing.T) {
	p := newPatient(t)
	space := filepath.Join(t.TempDir(), "space")
	if err := p.guest.CreateLockspace(t.Context(), space); err != nil {
		t.Fatal(err)
	}
	findings, _ := p.examine(t)
	find(t, findings, fine, "daemon", fmt.Sprintf("process %d, ", os.Getpid()))
	find(t, findings, fine, "missing lock", "none")
	find(t, findings, fine, "clients", " of 1024 in use")
	find(t, findings, fine, "open files", " in use")
	find(t, findings, fine, "socket", p.Socket)
	find(t, findings, fine, "lockspace", space)
	find(t, findings, fine, "disks", "locks exclude, also between processes")
	find(t, findings, fine, "libvirt", "asks for locks")
	for _, dir := range []string{space, filepath.Dir(p.image)} {
		if entries, err := os.ReadDir(dir); err != nil || len(entries) > 1 {
			t.Errorf("left in %s: %v, %v", dir, entries, err)
		}
	}
}

// TestDoctorFindsGuests without a lock, with and without QEMU's own, and none with
// one. One is called by its own name of the file.
func TestDoctorFindsGuests(t *testing.T) {
	p := newPatient(t)
	unprotected, bare, protected, leased := newImage(t, "a.raw"), newImage(t, "b.raw"), newImage(t, "c.raw"), newImage(t, "d.raw")
	startQEMU(t, "only-qemu", unprotected, "")
	startQEMU(t, "nothing", bare, ",file.locking=off")
	startQEMU(t, "good", protected, "")
	startQEMU(t, "leased", leased, "")
	p.hold(t, p.guest, api.Resource{Name: protected})
	space := filepath.Join(t.TempDir(), "space")
	if err := p.guest.CreateLockspace(t.Context(), space); err != nil {
		t.Fatal(err)
	}
	p.hold(t, p.guest, api.Resource{Lockspace: space, Name: leaseName(leased), Autocreate: true})
	findings, status := p.examine(t)
	if status != exitFailed {
		t.Errorf("status %d", status)
	}
	find(t, findings, warning, "guests", "guest only-qemu (process")
	find(t, findings, failure, "guests", bare+" with no lock at all")
	for _, f := range findings {
		if f.Severity != fine && (strings.Contains(f.Message, protected) || strings.Contains(f.Message, leased)) {
			t.Errorf("%+v", f)
		}
	}
	findings, _ = p.examine(t, "--severity", "error")
	if slices.ContainsFunc(findings, func(f finding) bool { return f.Severity != failure }) {
		t.Errorf("--severity error shows %+v", findings)
	}
}

func TestDoctorFindsWhatOthersMayDo(t *testing.T) {
	p := newPatient(t)
	space := filepath.Join(t.TempDir(), "space")
	if err := p.guest.CreateLockspace(t.Context(), space); err != nil {
		t.Fatal(err)
	}
	lease := leaseName("/srv/gone.raw")
	for name, mode := range map[string]os.FileMode{space: 0o777, p.Socket: 0o777, filepath.Dir(p.Socket): 0o775} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(space, lease), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.configure(t, "qemu.conf", "#lock_manager = \"lockd\"\n")
	p.configure(t, "qemu-lockd.conf", "auto_disk_leases = 0\n")
	findings, status := p.examine(t)
	if status != exitFailed {
		t.Errorf("status %d", status)
	}
	find(t, findings, warning, "lockspace", "directory "+space+" may be written by others, mode 0777")
	find(t, findings, warning, "socket", p.Socket+" may be written by everybody")
	find(t, findings, failure, "socket", "directory "+filepath.Dir(p.Socket)+" may be written by others")
	find(t, findings, warning, "libvirt", "lock_manager is not set")
	find(t, findings, warning, "libvirt", "auto_disk_leases is 0")
	if f := find(t, findings, warning, "lockspace", "1 lease file that nobody holds"); f.Mend != "rm -- "+filepath.Join(space, lease) {
		t.Errorf("mend: %q", f.Mend)
	}
	p.configure(t, "qemu.conf", "lock_manager = \"sanlock\"\n")
	findings, _ = p.examine(t)
	find(t, findings, warning, "libvirt", "lock_manager is \"sanlock\"")
}

func TestDoctorWithoutADaemon(t *testing.T) {
	p := newPatient(t)
	p.Daemon = &daemontest.Daemon{Socket: "/nowhere"}
	findings, status := p.examine(t)
	if f := find(t, findings, failure, "daemon", "cannot be asked: connect to \"/nowhere\""); f.Mend != startDaemon {
		t.Errorf("mend: %q", f.Mend)
	}
	if status != exitFailed {
		t.Errorf("status %d", status)
	}
}

// Libvirt's daemon closes a connection that speaks JSON. To start sockets does not
// help then.
func TestDoctorBesideLibvirtsDaemon(t *testing.T) {
	p := newPatient(t)
	p.Daemon = &daemontest.Daemon{Socket: filepath.Join(t.TempDir(), "s")}
	l, err := net.Listen("unix", p.Socket)
	if err != nil {
		t.Fatal(err)
	}
	var closing sync.WaitGroup
	closing.Go(func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			c.Close()
		}
	})
	t.Cleanup(func() { l.Close(); closing.Wait() })
	findings, status := p.examine(t)
	f := find(t, findings, failure, "daemon", "cannot be asked: ")
	if status != exitFailed || !strings.Contains(f.Why, "libvirt's own") || !strings.HasPrefix(f.Mend, "man virtlockd") {
		t.Errorf("status %d, %+v", status, f)
	}
}

// TestDoctorDoesNotStartADaemonThatRuns, as one that is stuck or of another version.
func TestDoctorDoesNotStartADaemonThatRuns(t *testing.T) {
	p := newPatient(t)
	p.Daemon = &daemontest.Daemon{Socket: answering(t, `"error":{"code":-32601,"message":"unknown method","data":{"code":"invalid"}}`)}
	findings, _ := p.examine(t)
	f := find(t, findings, failure, "daemon", "cannot be asked: the daemon does not know")
	if !strings.Contains(f.Mend, "virtlock-admin version") || strings.Contains(f.Mend, startDaemon) {
		t.Errorf("another version: %q", f.Mend)
	}
	socket, _ := silent(t)
	p.Daemon = &daemontest.Daemon{Socket: socket}
	findings, _ = p.examine(t, "--timeout", "0.1")
	f = find(t, findings, failure, "daemon", "cannot be asked: the daemon does not answer")
	if !strings.Contains(f.Mend, "journalctl -u virtlockd") {
		t.Errorf("stuck: %q", f.Mend)
	}
}

func TestDoctorComparesLimits(t *testing.T) {
	p := patient{house: house{Daemon: daemontest.StartWith(t, func(c *daemon.Config) { c.Settings.MaxClients = 2 })}, config: t.TempDir()}
	c := p.Client(t)
	if _, err := c.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	findings, _ := p.examine(t)
	if f := find(t, findings, failure, "clients", "2 of 2 in use"); !strings.HasPrefix(f.Mend, "virtlock-admin limits --max-clients 4;") {
		t.Errorf("mend: %q", f.Mend)
	}
	find(t, findings, fine, "libvirt", "no ")
}

// TestPrintFindingsMend keeps a command on one line, to be copied.
func TestPrintFindingsMend(t *testing.T) {
	var s strings.Builder
	mend := "rm -- /var/lib/libvirt/lockd/" + strings.Repeat("a", 64)
	(&env{out: &s, width: 60}).printFinding(finding{Severity: warning, Check: "lockspace", Message: "1 lease file", Mend: mend})
	compare(t, s.String(), "warning  lockspace: 1 lease file\n         mend: "+mend+"\n")
}

// TestSettled does not take the moment in which a lock comes for a broken keeper, and
// does not wait for ever for one that is.
func TestSettled(t *testing.T) {
	for _, c := range []struct{ completeAfter, looks int }{{1, 1}, {3, 3}, {1000, 20}} {
		looks := 0
		s, err := settled(t.Context(), func(context.Context) (api.Status, error) {
			looks++
			return api.Status{Keeper: &api.Keeper{Complete: looks >= c.completeAfter}}, nil
		}, 0)
		if err != nil || looks != c.looks || s.Keeper.Complete != (c.completeAfter < 1000) {
			t.Errorf("complete after %d: %d looks, %+v, %v", c.completeAfter, looks, s.Keeper, err)
		}
	}
	s, err := settled(t.Context(), func(context.Context) (api.Status, error) { return api.Status{}, nil }, time.Hour)
	if err != nil || s.Keeper != nil {
		t.Errorf("without a keeper: %+v, %v", s, err)
	}
}

// TestDoctorTellsADirectoryOnce that has both sockets.
func TestDoctorTellsADirectoryOnce(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", dir)
	place := filepath.Join(dir, "libvirt")
	for _, name := range []string{"", client.MainSocket, client.AdminSocket} {
		if err := os.MkdirAll(filepath.Join(place, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(place, 0o777); err != nil {
		t.Fatal(err)
	}
	d := doctor{e: &env{options: globals{uri: "virtlockd:///session"}}}
	d.checkSockets()
	told := 0
	for _, f := range d.findings {
		if f.Severity == failure {
			told++
		}
	}
	if told != 1 {
		t.Errorf("told %d times: %+v", told, d.findings)
	}
}

func TestCheckStatus(t *testing.T) {
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	d := doctor{e: &env{}, status: api.Status{Locks: 3, MaxClients: 10, Clients: 8, AdminMaxClients: 1, MaxOpenFiles: 10}}
	d.checkKeeper()
	d.status.Keeper = &api.Keeper{PID: dead.Process.Pid}
	d.checkKeeper()
	d.status.Keeper = &api.Keeper{PID: os.Getpid()}
	d.checkKeeper()
	d.status.Keeper.Complete = true
	d.checkKeeper()
	d.status.Missing = []api.MissingLock{{Name: "/srv/a.raw", Path: "/srv/a.raw", Owner: api.Owner{Name: "web01", PID: 1}}}
	d.checkMissing()
	d.checkLimits()
	find(t, d.findings, failure, "keeper", "none, though locks are held")
	find(t, d.findings, failure, "keeper", "is dead")
	find(t, d.findings, warning, "keeper", "does not have all locks yet")
	find(t, d.findings, fine, "keeper", "alive and complete")
	find(t, d.findings, failure, "missing lock", "/srv/a.raw")
	find(t, d.findings, warning, "clients", "8 of 10 in use")
}

// TestTraps has the mounts of proc(5) for what cannot be mounted here.
func TestTraps(t *testing.T) {
	for name, test := range map[string]struct {
		line string
		want severity
	}{
		"Ext4":        {"36 35 8:1 / /srv rw,noatime shared:1 - ext4 /dev/sda1 rw", ""},
		"NFS4":        {"36 35 0:50 / /srv rw - nfs4 server:/srv rw,vers=4.2,local_lock=none", ""},
		"NFS3":        {"36 35 0:50 / /srv rw - nfs server:/srv rw,vers=3,local_lock=none", warning},
		"NFSNoLock":   {"36 35 0:50 / /srv rw - nfs server:/srv rw,vers=3,nolock,local_lock=all", failure},
		"Virtiofs":    {"36 35 0:50 / /srv rw - virtiofs share rw", warning},
		"Overlay":     {"36 35 0:50 / /srv rw - overlay overlay rw,lowerdir=/a", warning},
		"FUSE":        {"36 35 0:50 / /srv rw - fuse.sshfs host:/ rw", warning},
		"GlusterFUSE": {"36 35 0:50 / /srv rw - fuse.glusterfs host:/ rw", ""},
		"CIFS":        {"36 35 0:50 / /srv rw - cifs //host/share rw", warning},
		"CIFSNoBRL":   {"36 35 0:50 / /srv rw - cifs //host/share rw,nobrl", failure},
	} {
		t.Run(name, func(t *testing.T) {
			m, ok := parseMount(test.line)
			if !ok || m.dir != "/srv" {
				t.Fatalf("parseMount = %+v, %v", m, ok)
			}
			var got severity
			for _, f := range m.traps("/srv") {
				got = f.Severity
			}
			if got != test.want {
				t.Errorf("severity %q, want %q", got, test.want)
			}
		})
	}
}

// TestProbe looks at a place where nothing can be written, and at one that has no
// files without a name.
func TestProbe(t *testing.T) {
	if result, err := probe(t.TempDir()); result != "" || err != nil {
		t.Errorf("probe = %q, %v", result, err)
	}
	if result, err := probe("/proc"); err == nil {
		t.Errorf("probe of /proc = %q", result)
	}
	file := newImage(t, "a.raw")
	lockFile(t, file, unix.F_OFD_SETLK, unix.F_WRLCK)
	if granted, err := tryElsewhere(file); granted != "" || err != nil {
		t.Errorf("a locked file: %q, %v", granted, err)
	}
	if granted, err := tryElsewhere(newImage(t, "b.raw")); granted != "an OFD lock" && granted != "an OFD lock and a POSIX lock" || err != nil {
		t.Errorf("a free file: %q, %v", granted, err)
	}
}

func TestPrintFindings(t *testing.T) {
	var s strings.Builder
	e := &env{out: &s, width: 60}
	findings := []finding{
		{Severity: failure, Check: "keeper", Message: "none, though locks are held", Why: "all locks would be free if the daemon ended now", Mend: "virtlock-admin reexec"},
		{Severity: fine, Check: "clients", Message: "4 of 1024 in use"},
	}
	e.printFindings(findings)
	compare(t, s.String(), `
error    keeper: none, though locks are held
         why: all locks would be free if the daemon ended
         now
         mend: virtlock-admin reexec
ok       clients: 4 of 1024 in use

1 error, 0 warnings, 1 ok
`[1:])
}

// manExample is the part of the man page's examples from one text to another, as
// man(1) shows it.
func manExample(t *testing.T, from, to string) string {
	t.Helper()
	b, err := os.ReadFile(manPage)
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(section(t, string(b), "EXAMPLES"), from)
	text, _, ends := strings.Cut(text, to)
	if !found || !ends {
		t.Fatalf("no example from %q to %q", from, to)
	}
	return strings.NewReplacer(`\(dq`, `"`, `\e`, `\`).Replace(text)
}

// atNight runs a script as cron does, with the program, a mail that notes what it
// got, and a disk of its own.
func atNight(t *testing.T, h house, script string) (out, mail string, status int) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Symlink(testBinary(t), filepath.Join(dir, "virtlock-admin")); err != nil {
		t.Fatal(err)
	}
	note := filepath.Join(dir, "note")
	if err := os.WriteFile(filepath.Join(dir, "mail"), []byte("#!/bin/sh\necho \"$@\" >"+note+"\ncat >>"+note+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c", script)
	cmd.Env = []string{"PATH=" + dir + ":/usr/sbin:/usr/bin:/bin", "GORACE=atexit_sleep_ms=0", defaultURI + "=virtlockd:///system?socket=" + h.Socket}
	text, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(note)
	return string(text), string(got), cmd.ProcessState.ExitCode()
}

// TestManPageCron runs the example line for cron while a guest writes a disk without
// a lock.
func TestManPageCron(t *testing.T) {
	h := newHouse(t)
	line := manExample(t, ".Dl 0 6 * * * ", "\n")
	image := newImage(t, "disk.raw")
	pid := startQEMU(t, "careless", image, "")
	out, mail, status := atNight(t, h, line)
	if status != 0 || out != "" {
		t.Errorf("status %d, output %q", status, out)
	}
	want := "guest careless (process " + strconv.Itoa(pid) + ") writes " + image
	if !strings.HasPrefix(mail, "-s virtlockd root\n") || !strings.Contains(mail, want) {
		t.Errorf("mail %q, want %q in it", mail, want)
	}
}

// TestManPageBackup runs the example script, with a guest that was started by hand
// beside it, and when it has ended.
func TestManPageBackup(t *testing.T) {
	h := newHouse(t)
	image, to := newImage(t, "disk.raw"), t.TempDir()
	script := manExample(t, "#!/bin/sh\n", ".Ed")
	script = strings.NewReplacer("/srv/web01.raw", image, "/backup", to, "30s", "0.1").Replace(script)
	copied := filepath.Join(to, "web01.qcow2")
	t.Run("Locked", func(t *testing.T) {
		guest := h.Client(t)
		h.hold(t, guest, api.Resource{Name: image})
		if out, _, status := atNight(t, h, script); status != 0 || strings.Contains(out, "failed") {
			t.Errorf("status %d: %s", status, out)
		}
		if _, err := os.Stat(copied); err == nil {
			t.Error("a disk in use was copied")
		}
	})
	eventually(t, "the lock is gone", func() bool { return h.ask(t, "-q", "list", "--name", image) == "" })
	t.Run("ByHand", func(t *testing.T) {
		startQEMU(t, "hand", image, "")
		if out, _, status := atNight(t, h, script); status != 1 || !strings.Contains(out, "backup of web01 failed") {
			t.Errorf("status %d: %s", status, out)
		}
	})
	if out, _, status := atNight(t, h, script); status != 0 || out != "" {
		t.Errorf("status %d: %s", status, out)
	}
	if _, err := os.Stat(copied); err != nil {
		t.Error(err)
	}
}
