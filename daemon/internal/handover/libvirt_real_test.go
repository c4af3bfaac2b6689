package handover_test

import (
	"flag"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"virtlock/daemon/internal/handover"
	"virtlock/daemon/internal/virnet"
)

// The whole way with the real daemon: ours starts in its place, takes over, and
// gives back to it. The lock is never free meanwhile, and the connections go on.
func TestLibvirtThereAndBack(t *testing.T) {
	r := startLibvirt(t, "take")
	// The owner is who connects: else libvirt's daemon would not free its locks.
	me, other, image, shared := os.Getpid(), libvirtGuest(t), r.file(t, "image"), r.file(t, "shared")
	guest, space := r.client(t, "guest", me), r.dir+"/space"
	need(t, guest.acquire("", image, 0))
	need(t, guest.acquire("", shared, virnet.AcquireShared))
	need(t, guest.acquire("", shared, virnet.AcquireShared))
	need(t, guest.call(virnet.ProcCreateLockspace, virnet.CreateLockspace{Path: space}))
	need(t, guest.acquire(space, "key", virnet.AcquireAutocreate))
	probers := []*prober{
		startProber(t, "write", image), startProber(t, "read", image),
		startProber(t, "write", shared), startProber(t, "write", space+"/key"),
	}

	r.replace(t, "/proc/self/exe")
	r.restart(t)
	r.until(t, "ours has taken over", func() bool { return exists(r.run("taken")) })
	b, err := os.ReadFile(r.run("taken"))
	need(t, err)
	s, err := handover.ReadState(b)
	need(t, err)
	if len(s.Holds) != 4 || len(s.Clients) != 1 || len(s.Sockets) != 2 || len(s.Spaces) != 1 {
		t.Errorf("taken over: %+v", s)
	}
	if exists(r.run("virtlockd-restart-exec.json")) {
		t.Error("the state was left")
	}
	newcomer := r.dial(t, "virtlockd-sock")

	r.restart(t)
	r.until(t, "ours has given back", func() bool { return exists(r.run("fit")) })
	fit, err := os.ReadFile(r.run("fit"))
	need(t, err)
	equals(t, "what does not fit", strings.TrimSpace(string(fit)), "[]")
	need(t, newcomer.call(virnet.ProcRegister, virnet.Register{Name: "other", ID: 8, PID: uint32(other)}))
	for _, name := range []string{image, shared} {
		if err := newcomer.acquire("", name, 0); !refused(err) {
			t.Errorf("a lock that is held: %v", err)
		}
	}
	won := []int{probers[0].wins(t), probers[1].wins(t), probers[2].wins(t), probers[3].wins(t)}
	// Who reads may get between while the lock changes its kind, and only then.
	if won[0]+won[2]+won[3] > 0 {
		t.Errorf("the locks were free: %v", won)
	}

	need(t, guest.release("", image))
	need(t, newcomer.acquire("", image, 0))
	need(t, guest.release(space, "key"))
	if exists(space + "/key") {
		t.Error("the file of a lock was left")
	}
	need(t, guest.release("", shared))
	if err := newcomer.acquire("", shared, 0); !refused(err) {
		t.Errorf("a lock that is held once more: %v", err)
	}
	need(t, guest.release("", shared))
	need(t, newcomer.acquire("", shared, 0))
}

// Who has not registered yet goes on as well, and admin clients do. libvirt's own
// daemon ends when it restarts itself with such a client.
func TestLibvirtKeepsWhoHasNotRegistered(t *testing.T) {
	r := startLibvirt(t, "take")
	image := r.file(t, "image")
	guest, admin := r.client(t, "guest", os.Getpid()), r.dial(t, "virtlockd-admin-sock")
	need(t, guest.acquire("", image, 0))
	need(t, admin.callProgram(virnet.ProgramAdmin, virnet.AdminConnectOpen, virnet.FlagsArgs{}))
	r.replace(t, "/proc/self/exe")
	r.restart(t)
	r.until(t, "ours has taken over", func() bool { return exists(r.run("taken")) })
	newcomer := r.dial(t, "virtlockd-sock") // accepted before ours gives back
	r.restart(t)
	if err := newcomer.acquire("", image, 0); err == nil || refused(err) {
		t.Errorf("without an owner: %v", err)
	}
	need(t, newcomer.call(virnet.ProcRegister, virnet.Register{Name: "guest", ID: 7, PID: uint32(os.Getpid())}))
	need(t, newcomer.release("", image))
	need(t, admin.callProgram(virnet.ProgramAdmin, virnet.AdminConnectClose, virnet.FlagsArgs{}))
}

var record = flag.Bool("record", false, "record testdata/libvirt-*.json from libvirt's virtlockd")

// TestRecordLibvirt makes the files that the tests of the reader read.
func TestRecordLibvirt(t *testing.T) {
	if !*record {
		return
	}
	idle := startLibvirt(t, "save")
	idle.record(t, "testdata/libvirt-9.0.0-idle.json")
	busy := startLibvirt(t, "save")
	first, second, third := libvirtGuest(t), libvirtGuest(t), libvirtGuest(t)
	image, shared, gone := busy.file(t, "a.img"), busy.file(t, "b.img"), busy.file(t, "c.img")
	one, two, space := busy.client(t, "first", first), busy.client(t, "second", second), busy.dir+"/space"
	need(t, one.acquire("", image, 0))
	need(t, one.acquire("", shared, virnet.AcquireShared))
	need(t, two.acquire("", shared, virnet.AcquireShared))
	need(t, one.acquire("", shared, virnet.AcquireShared))
	need(t, one.call(virnet.ProcCreateLockspace, virnet.CreateLockspace{Path: space}))
	need(t, one.acquire(space, "key", virnet.AcquireAutocreate))
	need(t, two.acquire(space, "shared", virnet.AcquireAutocreate|virnet.AcquireShared))
	need(t, two.call(virnet.ProcRestrict, virnet.Restrict{}))
	admin := busy.dial(t, "virtlockd-admin-sock")
	need(t, admin.callProgram(virnet.ProgramAdmin, virnet.AdminConnectOpen, virnet.FlagsArgs{}))
	// One that has gone, and whose lock stays: its connection is not its own.
	short := busy.client(t, "gone", third)
	need(t, short.acquire("", gone, 0))
	need(t, short.Close())
	busy.record(t, "testdata/libvirt-9.0.0.json", first, second, third)
}

// record saves what the daemon leaves, with what differs each time made the same.
func (r *libvirtRig) record(t *testing.T, file string, pids ...int) {
	t.Helper()
	r.replace(t, "/proc/self/exe")
	r.restart(t)
	r.until(t, "the state is saved", func() bool { return exists(r.run("saved")) })
	b, err := os.ReadFile(r.run("saved"))
	need(t, err)
	text := strings.ReplaceAll(string(b), r.dir, "/images")
	text = strings.ReplaceAll(text, strconv.Itoa(r.pid), "1000")
	for i, pid := range pids {
		text = strings.ReplaceAll(text, strconv.Itoa(pid), strconv.Itoa(1001+i))
	}
	text = regexp.MustCompile(`"conn_time": [0-9]+`).ReplaceAllString(text, `"conn_time": 1795647620`)
	need(t, os.WriteFile(file, []byte(text), 0o644))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
