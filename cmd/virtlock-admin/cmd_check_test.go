package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
)

// checkHouse is a house with a configuration of libvirt and a virsh.
type checkHouse struct {
	house
	conf string
}

func newCheckHouse(t *testing.T) checkHouse {
	t.Helper()
	h := checkHouse{newHouse(t), t.TempDir()}
	h.write(t, "qemu.conf", "lock_manager = \"lockd\"\n")
	return h
}

func (h checkHouse) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(h.conf, name)
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// useVirsh puts a program in the place of virsh.
func (h checkHouse) useVirsh(t *testing.T, script string) {
	t.Helper()
	h.write(t, "virsh", "#!/bin/sh\n"+script)
	t.Setenv("PATH", h.conf+":"+os.Getenv("PATH"))
}

// run runs check, as on a terminal of the given width.
func (h checkHouse) run(t *testing.T, input string, width int, words ...string) result {
	t.Helper()
	var out, err bytes.Buffer
	e := &env{in: strings.NewReader(input), out: &out, err: &err, now: func() time.Time { return now }, width: width, configDir: h.conf}
	status := run(t.Context(), e, append([]string{"--socket", h.Socket}, words...))
	return result{out.String(), err.String(), status}
}

// fileDisk is a disk of a guest.
func fileDisk(target, path, options string) string {
	return fmt.Sprintf("<disk type='file'><source file='%s'/><target dev='%s'/>%s</disk>", path, target, options)
}

// wantRows compares the rows of check -q: the disk, its mode, its state and what
// follows.
func (h checkHouse) wantRows(t *testing.T, status int, devices string, want ...string) {
	t.Helper()
	r := h.run(t, domainOf(devices), 0, "-q", "check", "-")
	var rows []string
	for line := range strings.Lines(r.out) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 7 {
			t.Fatalf("%d fields in %q", len(f), line)
		}
		rows = append(rows, strings.Join([]string{f[0], f[4], f[5], f[6]}, " | "))
	}
	compare(t, strings.Join(rows, "\n"), strings.Join(want, "\n"))
	if r.status != status || (status == 0) != (r.err == "") {
		t.Errorf("status %d, want %d: %s", r.status, status, r.err)
	}
}

func TestCheckStates(t *testing.T) {
	h := newCheckHouse(t)
	other := fmt.Sprintf("web01 (process %d)", os.Getpid())
	free, iso, shared := newImage(t, "free.raw"), newImage(t, "iso.raw"), newImage(t, "shared.raw")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(h.image, link); err != nil {
		t.Fatal(err)
	}
	h.hold(t, h.guest, api.Resource{Name: shared, Mode: api.Shared})
	foreign := newImage(t, "foreign.raw")
	pid := holder(t, "posix", "write", foreign)
	reader := newImage(t, "reader.raw")
	holder(t, "ofd", "read", reader)

	h.wantRows(t, exitOK, fileDisk("vda", free, "")+fileDisk("vdb", iso, "<readonly/>"), "vda | exclusive | free | -", "vdb | - | unlocked | read-only")
	h.wantRows(t, exitBusy, fileDisk("vda", h.image, ""), "vda | exclusive | busy | "+other)
	h.wantRows(t, exitBusy, fileDisk("vda", link, ""), "vda | exclusive | busy | "+other+"; held as "+h.image)
	h.wantRows(t, exitBusy, fileDisk("vda", shared, ""), "vda | exclusive | busy | "+other)
	h.wantRows(t, exitOK, fileDisk("vda", shared, "<shareable/>"), "vda | shared | shared | "+other)
	h.wantRows(t, exitBusy, fileDisk("vda", foreign, ""), fmt.Sprintf("vda | exclusive | busy | virtlock-admin. (process %d); locked without asking this daemon", pid))
	h.wantRows(t, exitOK, fileDisk("vda", reader, "<shareable/>"), "vda | shared | shared | a program that the kernel does not name; locked without asking this daemon")
	h.wantRows(t, exitNotFound, fileDisk("vda", "/none/a.raw", ""), "vda | exclusive | missing | there is no such file")
	h.wantRows(t, exitFailed, fileDisk("vda", t.TempDir(), ""), "vda | exclusive | refused | it is neither a file nor a block device")
	h.wantRows(t, exitFailed, fileDisk("vda", free, "")+fileDisk("vdb", free, ""), "vda | exclusive | free | -", "vdb | exclusive | twice | the same file as vda")
	h.wantRows(t, exitFailed, fileDisk("", free, "")+fileDisk("vdb", free, ""), "- | exclusive | free | -", "vdb | exclusive | twice | the same file as another disk")
	h.wantRows(t, exitOK, fileDisk("vda", free, "<shareable/>")+fileDisk("vdb", free, "<shareable/>"), "vda | shared | free | -", "vdb | shared | free | the same file as vda")
	h.wantRows(t, exitBusy, fileDisk("vda", "/none/a.raw", "")+fileDisk("vdb", h.image, ""), "vda | exclusive | missing | there is no such file", "vdb | exclusive | busy | "+other)
	h.wantRows(t, exitOK, "")
}

// TestCheckCountsAllNames has a file that others share under two names, this guest
// among them.
func TestCheckCountsAllNames(t *testing.T) {
	h := newCheckHouse(t)
	image := newImage(t, "shared.raw")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(image, link); err != nil {
		t.Fatal(err)
	}
	own := h.Client(t)
	own.Owner, own.TiedTo = api.Owner{Name: "web07", UUID: handUUID, PID: holder(t, "none", "read", image)}, api.TiedToProcess
	h.hold(t, own, api.Resource{Name: link, Mode: api.Shared})
	h.wantRows(t, exitOK, fileDisk("vda", image, ""), fmt.Sprintf("vda | exclusive | own | web07 (process %d); held as %s", own.Owner.PID, link))
	h.hold(t, h.guest, api.Resource{Name: image, Mode: api.Shared})
	both := fmt.Sprintf("web01 (process %d), web07 (process %d)", os.Getpid(), own.Owner.PID)
	h.wantRows(t, exitOK, fileDisk("vda", image, "<shareable/>"), "vda | shared | own | "+both)
	h.wantRows(t, exitBusy, fileDisk("vda", image, ""), "vda | exclusive | busy | "+both)
}

// TestCheckFindsAQEMUStartedByHand has one that asked nobody, as guests that were
// started before lock_manager was set.
func TestCheckFindsAQEMUStartedByHand(t *testing.T) {
	h := newCheckHouse(t)
	image := newImage(t, "disk.raw")
	pid := startQEMU(t, "hand", image, "")
	own := strings.Replace(domainOf(fileDisk("vda", image, "")), handUUID, "11111111-2222-3333-4444-555555555555", 1)
	r := h.run(t, own, 0, "-q", "check", "-")
	if want := fmt.Sprintf("\tbusy\thand (process %d); used without this lock\n", pid); r.status != exitBusy || !strings.HasSuffix(r.out, want) {
		t.Errorf("status %d: %s%s", r.status, r.out, r.err)
	}
	// This is the guest with the UUID of domainOf.
	h.wantRows(t, exitOK, fileDisk("vda", image, ""), "vda | exclusive | free | -")
}

// TestCheckOfARunningGuest has the guest itself as the holder, known by its UUID
// however it is written, or by its name when there is none.
func TestCheckOfARunningGuest(t *testing.T) {
	h := newCheckHouse(t)
	for _, identity := range []string{
		"<name>other</name><uuid>" + strings.ToUpper(strings.ReplaceAll(h.guest.Owner.UUID, "-", "")) + "</uuid>", "<name>web01</name>",
	} {
		text := "<domain>" + identity + "<devices>" + fileDisk("vda", h.image, "") + "</devices></domain>"
		if r := h.run(t, text, 0, "-q", "check", "-"); r.status != exitOK || !strings.Contains(r.out, "\town\tweb01 (process ") {
			t.Errorf("%s: status %d: %s%s", identity, r.status, r.out, r.err)
		}
	}
}

func TestCheckUsesTheLockspace(t *testing.T) {
	h := newCheckHouse(t)
	image, space := newImage(t, "disk.raw"), filepath.Join(t.TempDir(), "files")
	h.write(t, "qemu-lockd.conf", fmt.Sprintf("file_lockspace_dir = %q\n", space))
	h.wantRows(t, exitNotFound, fileDisk("vda", image, ""), "vda | exclusive | missing | the daemon has no such lockspace; libvirt makes those of its configuration when it starts")
	if err := h.guest.CreateLockspace(t.Context(), space); err != nil {
		t.Fatal(err)
	}
	h.wantRows(t, exitOK, fileDisk("vda", image, ""), "vda | exclusive | free | -")
	h.hold(t, h.guest, api.Resource{Lockspace: space, Name: leaseName(image), Autocreate: true})
	h.wantRows(t, exitBusy, fileDisk("vda", image, ""), fmt.Sprintf("vda | exclusive | busy | web01 (process %d)", os.Getpid()))
}

func TestCheckOnATerminal(t *testing.T) {
	h := newCheckHouse(t)
	h.write(t, "qemu.conf", "")
	r := h.run(t, domainOf(fileDisk("vda", h.image, "")+fileDisk("hdc", "/iso/"+strings.Repeat("x", 90), "<readonly/>")), 80, "check", "-")
	for line := range strings.Lines(r.out) {
		if textWidth(strings.TrimSuffix(line, "\n")) > 80 {
			t.Errorf("wider than the terminal: %q", line)
		}
	}
	for _, want := range []string{" Disk   File", "busy       web01 (process ", "unlocked   read-only", "warning: libvirt asks for no lock at all:"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("no %q in:\n%s", want, r.out)
		}
	}
	want := fmt.Sprintf("error: guest web07 cannot have %s: held by web01 (process %d)\nhint: virtlock-admin who %[1]s says more\n", h.image, os.Getpid())
	compare(t, r.err, want)
}

func TestCheckAsJSON(t *testing.T) {
	h := newCheckHouse(t)
	r := h.run(t, domainOf(fileDisk("vda", h.image, "")), 0, "--json", "check", "-")
	var answer checked
	if err := json.Unmarshal([]byte(r.out), &answer); err != nil {
		t.Fatal(err)
	}
	if r.status != exitBusy || answer.Possible || answer.Guest != "web07" || len(answer.Leases) != 1 || answer.Leases[0].Holders[0].PID != os.Getpid() {
		t.Errorf("status %d: %s", r.status, r.out)
	}
}

func TestCheckOfNoDisksAsJSON(t *testing.T) {
	r := newCheckHouse(t).run(t, domainOf(""), 0, "--json", "check", "-")
	if r.status != exitOK || !strings.Contains(r.out, `"leases": []`) {
		t.Errorf("status %d: %s", r.status, r.out)
	}
}

// TestCheckAsksVirsh has a virsh that knows one guest, with a disk in a storage pool.
func TestCheckAsksVirsh(t *testing.T) {
	h := newCheckHouse(t)
	image := newImage(t, "disk.raw")
	devices := "<disk type='volume'><source pool='p' volume='v'/><target dev='vda'/></disk>"
	h.useVirsh(t, fmt.Sprintf(`case "$*" in
"-q -r dumpxml --domain web07") echo "%s" ;;
"-q -r dumpxml --domain web07 --inactive") echo "%s" ;;
"-q -r vol-path --pool p --vol v") echo %s; echo ;;
"-q -r list --all --name") echo web07; echo web08; echo ;;
*) echo "error: failed to get domain 'x'" >&2; echo >&2; exit 1 ;;
esac
`, domainOf(devices), domainOf(""), image))
	if r := h.run(t, "", 0, "-q", "check", "web07"); r.status != exitOK || r.out != "vda\t"+image+"\t-\t"+image+"\texclusive\tfree\t-\n" {
		t.Errorf("a volume: %d, %q %q", r.status, r.out, r.err)
	}
	if r := h.run(t, "", 0, "-q", "check", "web07", "--inactive"); r.status != exitOK || r.out != "" {
		t.Errorf("--inactive: %d, %q %q", r.status, r.out, r.err)
	}
	if r := h.run(t, "", 0, "check", "web09"); r.status != exitNotFound || !strings.HasPrefix(r.err, "error: libvirt has no guest \"web09\"\n") {
		t.Errorf("no such guest: %d, %q", r.status, r.err)
	}
	if got := texts(t, "check", "web"); strings.Join(got, " ") != "web07 web08" {
		t.Errorf("completion: %q", got)
	}
}

// TestCheckOfLostVolumes has a virsh that does not tell where volumes are.
func TestCheckOfLostVolumes(t *testing.T) {
	h := newCheckHouse(t)
	volume := func(name, options string) string {
		return fmt.Sprintf("<disk type='volume'><source pool='p' volume='%s'%s/><target dev='vda'/></disk>", name, options)
	}
	h.useVirsh(t, `case "$*" in
*--vol\ none) echo "error: Storage volume not found: no storage vol with matching path 'none'" >&2; exit 1 ;;
*--vol\ idle) echo "error: Requested operation is not valid: storage pool 'p' is not active" >&2; exit 1 ;;
*) exec cat "$0.fifo" ;;
esac
`)
	h.wantRows(t, exitNotFound, volume("none", ""), "vda | - | missing | Storage volume not found: no storage vol with matching path 'none'")
	h.wantRows(t, exitFailed, volume("idle", ""), "vda | - | unknown | virsh vol-path: Requested operation is not valid: storage pool 'p' is not active")
	h.wantRows(t, exitOK, volume("idle", " startupPolicy='optional'"),
		"vda | - | unlocked | left out: it is optional, and Requested operation is not valid: storage pool 'p' is not active")
	if err := unix.Mkfifo(filepath.Join(h.conf, "virsh.fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := h.run(t, domainOf(volume("slow", "")), 0, "--timeout", "0.2", "check", "-")
	compare(t, r.err, "error: libvirt, or a program that knows the names of devices, does not answer\nhint: --timeout SECONDS waits longer\n")
}

func TestCheckOfWhatIsNotThere(t *testing.T) {
	h := newCheckHouse(t)
	t.Setenv("PATH", h.conf)
	for _, c := range []struct {
		words  []string
		status int
		want   string
	}{
		{[]string{"./none"}, exitNotFound, `error: there is no file "./none"`},
		{[]string{"none.xml"}, exitNotFound, `error: there is no file "none.xml"`},
		{[]string{"web07"}, exitFailed, `error: describe guest "web07": there is no virsh here to ask libvirt with`},
		{[]string{"-"}, exitFailed, `error: read the description of a guest from "-": there is no XML`},
		{[]string{"-", "--inactive"}, exitUsage, "error: --inactive needs the name of a guest"},
		{nil, exitUsage, "error: check needs one file with the XML of a guest, or a guest"},
	} {
		r := h.run(t, "", 0, append([]string{"check"}, c.words...)...)
		if first, _, _ := strings.Cut(r.err, "\n"); r.status != c.status || first != c.want {
			t.Errorf("%q: %d, %q", c.words, r.status, r.err)
		}
	}
}

// TestManPageShowsCheck draws the example of the man page.
func TestManPageShowsCheck(t *testing.T) {
	var s strings.Builder
	e := &env{out: &s, width: 80}
	web01 := []taker{{Name: "web01", PID: 4242}}
	answer := checked{Guest: "web02", Leases: []lease{
		{Device: "vda", Source: "/srv/web02.raw", Name: "/srv/web02.raw", Mode: api.Exclusive, State: stateFree},
		{Device: "vdb", Source: "/srv/data.raw", Name: "/srv/data.raw", Mode: api.Exclusive, State: stateBusy, Holders: web01},
		{Device: "hdc", Source: "/srv/iso.raw", State: stateUnlocked, Note: "read-only"},
	}}
	if err := e.printLeases(answer); err != nil {
		t.Fatal(err)
	}
	message, hint, _ := explain(answer.verdict())
	b, err := os.ReadFile(manPage)
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(b), "# virtlock-admin check web02\n")
	example, _, _ = strings.Cut(example, ".Ed\n")
	compare(t, example, fmt.Sprintf("%serror: %s\nhint: %s\n", s.String(), message, hint))
}
