package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"virtlock/client/api"
)

// rowOf is the row of who -q for a process, without the process and the time.
func (h house) rowOf(t *testing.T, pid int, file string) string {
	t.Helper()
	rows := h.ask(t, "who", "-q", file)
	for row := range strings.Lines(rows) {
		f := strings.Split(strings.TrimSuffix(row, "\n"), "\t")
		if len(f) == 7 && f[0] == fmt.Sprint(pid) {
			return strings.Join(slices.Delete(f, 5, 6)[1:], " ")
		}
	}
	t.Fatalf("no process %d in:\n%s", pid, rows)
	return ""
}

// TestWhoNamesEverybody looks for each kind of user through each kind of name.
func TestWhoNamesEverybody(t *testing.T) {
	h := newHouse(t)
	users := map[string]struct {
		start func(t *testing.T, image string) int
		want  string
	}{
		"QEMUByHand": {
			func(t *testing.T, image string) int { return startQEMU(t, "hand", image, "") },
			"guest hand " + handUUID + " alive qemu-lock,open-write",
		},
		"POSIX": {
			func(t *testing.T, image string) int { return holder(t, "posix", "write", image) },
			"program - - alive posix-lock,open-write",
		},
		"POSIXShared": {
			func(t *testing.T, image string) int { return holder(t, "posix", "read", image) },
			"program - - alive posix-lock,open-read",
		},
		"OFD": {
			func(t *testing.T, image string) int { return holder(t, "ofd", "write", image) },
			"program - - alive ofd-lock,open-write",
		},
		"OtherVirtlockd": {
			func(t *testing.T, image string) int {
				return holderCalled(t, "/usr/sbin/virtlockd", "ofd", "write", image)
			},
			"other-virtlockd - - alive ofd-lock,open-write",
		},
		"NoLock": {
			func(t *testing.T, image string) int { return holder(t, "none", "write", image) },
			"program - - alive open-write",
		},
	}
	for name, user := range users {
		t.Run(name, func(t *testing.T) {
			image := newImage(t, "disk.raw")
			dir := filepath.Dir(image)
			names := []string{image, filepath.Join(dir, "hard"), filepath.Join(dir, "soft"), filepath.Join(dir, "..", filepath.Base(dir), "disk.raw")}
			if err := os.Link(names[0], names[1]); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(names[0], names[2]); err != nil {
				t.Fatal(err)
			}
			pid := user.start(t, image)
			for _, name := range names {
				compare(t, h.rowOf(t, pid, name), user.want)
			}
		})
	}
}

// TestWhoOfAnOwner has a guest that asked the daemon, in another process than
// that of the test.
func TestWhoOfAnOwner(t *testing.T) {
	h := newHouse(t)
	image := newImage(t, "disk.raw")
	pid := holder(t, "none", "write", image)
	guest := h.Client(t)
	guest.Owner, guest.TiedTo = api.Owner{Name: "web02", UUID: handUUID, PID: pid}, api.TiedToProcess
	h.hold(t, guest, api.Resource{Name: image})
	compare(t, h.rowOf(t, pid, image), "owner web02 "+handUUID+" alive held,open-write")
	out := h.ask(t, "who", image)
	for _, want := range []string{
		"Guest:          web02\n", "UUID:           " + handUUID + "\n", fmt.Sprintf("PID:            %d, alive\n", pid),
		"Holds:          " + image + ", exclusive, through virtlockd, since ",
		"Has open:       for reading and writing, as " + image + "\n",
		fmt.Sprintf("  - guest web02 (process %d) holds it on purpose: wait for it, or virtlock-admin force-release --owner %d --fence --reason TEXT\n", pid, pid),
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}

// TestWhoFindsALease has the lock of a guest in a lockspace, as libvirt names it.
// TestWhoOfNoDisk does not say that a guest may have a directory.
func TestWhoOfNoDisk(t *testing.T) {
	h := newHouse(t)
	dir := filepath.Dir(h.image)
	compare(t, h.fail(t, exitUsage, "who", dir), fmt.Sprintf("error: %q is a directory\n"+
		"hint: virtlock-admin list --name '%s/*' lists the locks on its files\n", dir, dir))
	compare(t, h.fail(t, exitUsage, "who", "/dev/null"), "error: \"/dev/null\" is neither a file nor a block device\n")
}

// TestWhoOfAMovedFile finds the lock that was taken under its old name, and not that
// of a file which has this name now.
func TestWhoOfAMovedFile(t *testing.T) {
	h := newHouse(t)
	moved := h.image + ".old"
	if err := os.Rename(h.image, moved); err != nil {
		t.Fatal(err)
	}
	if row := h.rowOf(t, os.Getpid(), moved); !strings.Contains(row, " held") {
		t.Errorf("row of the moved file: %s", row)
	}
	if err := os.WriteFile(h.image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	h.fail(t, exitNotFound, "who", h.image)
}

func TestWhoFindsALease(t *testing.T) {
	h := newHouse(t)
	image, space := newImage(t, "disk.raw"), filepath.Join(t.TempDir(), "files")
	pid := holder(t, "none", "write", image)
	guest := h.Client(t)
	guest.Owner, guest.TiedTo = api.Owner{Name: "web02", UUID: handUUID, PID: pid}, api.TiedToProcess
	if err := guest.CreateLockspace(t.Context(), space); err != nil {
		t.Fatal(err)
	}
	h.hold(t, guest, api.Resource{Lockspace: space, Name: leaseName(image), Autocreate: true})
	compare(t, h.rowOf(t, pid, image), "owner web02 "+handUUID+" alive held,open-write")
}

func TestWhoOfALoopDevice(t *testing.T) {
	image := newImage(t, "disk.raw")
	out, err := exec.Command("losetup", "-f", "--show", image).CombinedOutput()
	if err != nil {
		t.Fatalf("losetup: %v: %s", err, out)
	}
	device := strings.TrimSpace(string(out))
	t.Cleanup(func() { _ = exec.Command("losetup", "-d", device).Run() })
	h := newHouse(t)
	if out := h.ask(t, "who", image); !strings.Contains(out, "Used as:        loop device "+device+"\n") {
		t.Errorf("no loop device in:\n%s", out)
	}
	// Another node of the device is another name of it.
	node := filepath.Join(t.TempDir(), "node")
	id, err := identify(device)
	if err == nil {
		err = unix.Mknod(node, unix.S_IFBLK|0o600, int(id.device))
	}
	if err != nil {
		t.Fatal(err)
	}
	pid := holder(t, "ofd", "write", device)
	compare(t, h.rowOf(t, pid, node), "program - - alive ofd-lock,open-write")
}

func TestWhoOfNobody(t *testing.T) {
	h := newHouse(t)
	free := newFile(t, "free.raw")
	got := runLine(t, 0, "--socket", h.Socket, "-q", "who", free)
	if got.status != exitNotFound || got.out != "" {
		t.Errorf("free: %+v", got)
	}
	compare(t, got.err, "error: nobody uses \""+free+"\"\n")
	got = runLine(t, 0, "--socket", h.Socket, "who", free+"x")
	if got.status != exitNotFound || got.out != "" {
		t.Errorf("missing: %+v", got)
	}
	compare(t, got.err, "error: there is no file \""+free+"x\"\n")
	got = runLine(t, 0, "--socket", "/nowhere", "-q", "who", free)
	if got.status != exitFailed || !strings.Contains(got.err, "the daemon was not asked") {
		t.Errorf("without a daemon: %+v", got)
	}
}

func TestWhoWithoutADaemon(t *testing.T) {
	image := newImage(t, "disk.raw")
	pid := holder(t, "posix", "write", image)
	out := runOK(t, "--socket", "/nowhere", "who", image)
	for _, want := range []string{"Not asked:      the daemon: connect to \"/nowhere\"", fmt.Sprintf("PID:            %d, alive\n", pid)} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}

func TestWhoJSON(t *testing.T) {
	h := newHouse(t)
	var u usage
	if err := json.Unmarshal([]byte(h.ask(t, "--json", "who", h.image)), &u); err != nil {
		t.Fatal(err)
	}
	if len(u.Users) != 1 || u.Users[0].Name != "web01" || len(u.Users[0].Holds) != 1 || len(u.Elsewhere) != 0 {
		t.Errorf("who --json = %+v", u)
	}
}

// TestPrintUsage is what a person sees, in all its parts.
func TestPrintUsage(t *testing.T) {
	var s strings.Builder
	e := &env{out: &s, now: func() time.Time { return now }, width: 80}
	byte101, byte201 := uint64(101), uint64(201)
	u := usage{
		File: "/srv/link.raw", Path: "/srv/web01.raw", Device: "8:1", Inode: 131075, Host: "kvm1",
		Users: []user{
			{
				PID: 4242, Role: roleGuest, Name: "web01", UUID: handUUID, Program: "qemu-system-x86_64", Alive: true,
				Command: "qemu-system-x86_64 -name guest=web01 -machine pc -m 32 -and -so -on -and -so -on",
				Started: now.Add(-125 * time.Minute),
				Holds:   []hold{{Name: "/srv/web01.raw", Mode: api.Exclusive, Since: now.Add(-125 * time.Minute)}},
				Locks:   []kernelLock{{Kind: kindOFD, First: 100, Last: &byte101}, {Kind: kindOFD, First: 201, Last: &byte201}},
				Files:   []openFile{{FD: 9, Name: "/srv/web01.raw", Read: true, Write: true}},
			},
			{PID: 777, Role: roleDaemon, Program: "virtlockd", Alive: true},
			{PID: 778, Role: roleKeeper, Program: "virtlockd", Alive: true},
		},
		Elsewhere: []kernelLock{{Kind: kindPOSIX, Write: true, First: 1, Last: new(uint64)}},
		Layers:    []string{"loop device /dev/loop0"},
		Waiters:   []api.Waiter{{Owner: api.Owner{Name: "backup", PID: 99}, Mode: api.Shared, Since: now.Add(-time.Minute)}},
	}
	*u.Elsewhere[0].Last = 1
	u.Advice = advice(u)
	e.printUsage(u)
	compare(t, s.String(), `
File:           /srv/link.raw
Leads to:       /srv/web01.raw
Device:         8:1
Inode:          131075
Host:           kvm1

Guest:          web01
UUID:           89abcdef-0123-4567-89ab-cdef01234567
PID:            4242, alive
Command:        qemu-system-x86_64 -name guest=web01 -machine pc -m 32 -and -so…
Started:        2026-11-22 14:18:41 +0100 (2h 5m ago)
Holds:          /srv/web01.raw, exclusive, through virtlockd, since 2026-11-22
                14:18:41 +0100 (2h 5m ago)
Has locked:     QEMU's own: relies on what it reads, writes; lets nobody else
                write
Has open:       for reading and writing, as /srv/web01.raw

Keeper:         process 777, virtlockd, which holds the lock for guest web01
                (process 4242)

Keeper:         process 778, virtlockd's keeper, which holds the lock for guest
                web01 (process 4242)

Not seen:       somebody else has locked it; POSIX lock on byte 1: libvirt
                changes the owner or the label of the file
Used as:        loop device /dev/loop0
Waits for it:   backup (process 99), shared, since 2026-11-22 16:22:41 +0100 (1m
                0s ago)

What to do:
  - guest web01 (process 4242) runs and is protected; to free the disk: virsh
    shutdown web01, or, when it does not answer, virtlock-admin force-release
    --owner 4242 --fence --reason TEXT
  - who holds the other locks is no process of this host: ask on the other hosts
    that have this storage
  - the kernel itself uses the file: unmount or detach the device before anybody
    else writes it

`[1:])
}

// TestWhoBehindAnotherVirtlockd tells a guest of libvirt's daemon as protected, and
// the daemon as no user.
func TestWhoBehindAnotherVirtlockd(t *testing.T) {
	h := newHouse(t)
	image := newImage(t, "disk.raw")
	guest := startQEMU(t, "web03", image, "")
	other := holderCalled(t, "/usr/sbin/virtlockd", "ofd", "write", image)
	out := h.ask(t, "who", image)
	for _, want := range []string{
		fmt.Sprintf("Keeper:         process %d, another virtlockd than the one that was asked, as libvirt's is\n", other),
		"Has locked:     OFD lock on byte 0, for writing, alone: no virtlockd grants the file to anybody\n",
		fmt.Sprintf("  - guest web03 (process %d) is protected by that other virtlockd; to free the disk: virsh shutdown web03\n", guest),
		fmt.Sprintf("  - process %d is a virtlockd that was not asked, as libvirt's is: the guest behind it is whoever has the file open\n", other),
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}

// TestWhoBehindAKeeper whose daemon has ended does not take it for libvirt's.
func TestWhoBehindAKeeper(t *testing.T) {
	image := newImage(t, "disk.raw")
	keeper := holderAs(t, []string{"/usr/sbin/virtlockd", "--keeper"}, "ofd", "write", image)
	out := runOK(t, "--socket", "/nowhere", "who", image)
	for _, want := range []string{
		fmt.Sprintf("Keeper:         process %d, the keeper of a virtlockd that does not run, or was not asked\n", keeper),
		fmt.Sprintf("  - process %d keeps the lock while its virtlockd is away: ", keeper), "; to have it named: systemctl start virtlockd.socket",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}

// TestWhoWithoutRoot says what it could not see.
func TestWhoWithoutRoot(t *testing.T) {
	image := newImage(t, "disk.raw")
	for dir := filepath.Dir(image); dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	holder(t, "ofd", "write", image)
	cmd := ourselves(t, "--socket", "/nowhere", "who", image)
	const nobody = 65534
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	var out, said strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); cmd.ProcessState.ExitCode() != exitFailed {
		t.Errorf("ended with %v", err)
	}
	if !strings.Contains(out.String(), " processes of other users could not be looked into: ask again as root\n") ||
		!strings.Contains(said.String(), "error: nobody was seen to use \""+image+"\", but ") {
		t.Errorf("says:\n%s%s", out.String(), said.String())
	}
}

func TestRole(t *testing.T) {
	status := api.Status{PID: 1, Keeper: &api.Keeper{PID: 2}}
	for want, p := range map[role]process{
		roleDaemon: {pid: 1, args: []string{"virtlockd"}}, roleKeeper: {pid: 2, args: []string{"virtlockd", "--keeper"}},
		roleOther: {pid: 3, args: []string{"/usr/sbin/virtlockd"}}, roleGuest: {pid: 4, args: []string{"/usr/bin/qemu-system-x86_64"}},
		roleTool: {pid: 5, args: []string{"qemu-img", "convert"}}, roleLibvirt: {pid: 6, args: []string{"/usr/sbin/virtqemud"}},
		roleProgram: {pid: 7, name: "dd"},
	} {
		if got := p.role(status); got != want {
			t.Errorf("%+v is a %q, want %q", p, got, want)
		}
	}
}

func TestGuestName(t *testing.T) {
	for value, want := range map[string]string{
		"web01": "web01", "guest=web01,debug-threads=on": "web01", "process=x,guest=web01": "web01",
		"guest=a,,b,process=x": "a,b", "a,,b": "a,b", "process=x": "", "": "",
	} {
		if got := guestName(value); got != want {
			t.Errorf("guestName(%q) = %q, want %q", value, got, want)
		}
	}
}

func TestParseKernelLock(t *testing.T) {
	for line, want := range map[string]string{
		"1: POSIX  ADVISORY  WRITE 4242 08:01:131075 0 EOF":    "POSIX lock on the whole file, for writing, alone: no virtlockd grants the file to anybody",
		"1: OFDLCK ADVISORY  READ -1 fe:00:9978146 0 0":        "OFD lock on byte 0, for reading, beside other readers: no virtlockd grants the file to a writer",
		"1: POSIX  ADVISORY  WRITE 4242 08:01:131075 1 1":      "POSIX lock on byte 1: libvirt changes the owner or the label of the file",
		"1: OFDLCK ADVISORY  READ -1 fe:00:9978146 201 201":    "QEMU's own: lets nobody else write",
		"2: FLOCK  ADVISORY  WRITE 4242 08:01:131075 0 EOF":    "flock(2), for writing, alone; no virtlockd and no QEMU takes notice of it",
		"3: LEASE  ACTIVE    READ 4242 08:01:131075 0 EOF":     "a lease (fcntl(2)): it is asked to give the file up when somebody opens it",
		"1: POSIX  ADVISORY  READ 4242 08:01:131075 5000 5009": "POSIX lock on bytes 5000 to 5009, for reading, beside other readers",
		"1: POSIX  ADVISORY  READ 4242 08:01:131075 7 EOF":     "POSIX lock on byte 7 and all after it, for reading, beside other readers",
	} {
		l, ok := parseKernelLock(line)
		if !ok {
			t.Errorf("%q is not read", line)
			continue
		}
		compare(t, l.meaning(), want)
	}
	for _, line := range []string{"", "1: POSIX", "1: POSIX ADVISORY WRITE 1 8:1:1 x EOF", "1: POSIX ADVISORY WRITE 1 8:1:1 0 x"} {
		if l, ok := parseKernelLock(line); ok {
			t.Errorf("%q is read as %+v", line, l)
		}
	}
}
