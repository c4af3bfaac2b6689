package guest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"virtlock/test/bed"
)

// The devices of guests. DIR is the directory of the test, LOOP a loop device.
const (
	rawDisk    = `<disk type='file'><driver name='qemu' type='raw'/><source file='DIR/raw.img'/><target dev='sda' bus='scsi'/></disk>`
	otherDisk  = `<disk type='file'><driver name='qemu' type='raw'/><source file='DIR/base.img'/><target dev='sdb' bus='scsi'/></disk>`
	qcow2Disk  = `<disk type='file'><driver name='qemu' type='qcow2'/><source file='DIR/top.qcow2'/><target dev='sda' bus='scsi'/></disk>`
	namedChain = `<disk type='file'><driver name='qemu' type='qcow2'/><source file='DIR/top.qcow2'/><backingStore type='file'>` +
		`<format type='raw'/><source file='DIR/base.img'/><backingStore/></backingStore><target dev='sda' bus='scsi'/></disk>`
	transientDisk = `<disk type='file'><driver name='qemu' type='qcow2'/><source file='DIR/top.qcow2'/><target dev='sda' bus='scsi'/><transient/></disk>`
	loopDisk      = `<disk type='block'><driver name='qemu' type='raw'/><source dev='/dev/LOOP'/><target dev='sda' bus='scsi'/></disk>`
	volumeDisk    = `<disk type='volume'><driver name='qemu' type='raw'/><source pool='pool' volume='raw.img'/><target dev='sda' bus='scsi'/></disk>`
	networkDisk   = `<disk type='network'><driver name='qemu' type='raw'/><source protocol='nbd'><host transport='unix' socket='DIR/nbd'/></source>` +
		`<target dev='sda' bus='scsi'/></disk>`
	folderDisk = `<disk type='dir'><driver name='qemu' type='fat'/><source dir='DIR/fat'/><target dev='sda' bus='scsi'/><readonly/></disk>`
	shareable  = `<disk type='file'><driver name='qemu' type='raw'/><source file='DIR/raw.img'/><target dev='sda' bus='scsi'/><shareable/></disk>`
	readOnly   = `<disk type='file'><driver name='qemu' type='raw'/><source file='DIR/raw.img'/><target dev='sda' bus='scsi'/><readonly/></disk>`
	cdrom      = `<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><source file='DIR/raw.img'/><target dev='sda' bus='scsi'/></disk>`
	emptyCD    = `<disk type='file' device='cdrom'><target dev='sda' bus='scsi'/></disk>`
	floppy     = `<disk type='file' device='floppy'><driver name='qemu' type='raw'/><source file='DIR/raw.img'/><target dev='fda' bus='fdc'/></disk>`
	optional   = `<disk type='file'><driver name='qemu' type='raw'/><source file='DIR/none.img' startupPolicy='optional'/><target dev='sda' bus='scsi'/></disk>`
	lease      = `<lease><lockspace>leases</lockspace><key>mail</key><target path='DIR'/></lease>`
)

// checkCase is a guest and how many locks it takes.
type checkCase struct {
	name    string
	devices string
	locks   int
}

// TestCheckIsWhatLibvirtDoes compares what check says with the locks that the guest
// has when it was started, and what it says of a second guest with whether that
// starts.
func TestCheckIsWhatLibvirtDoes(t *testing.T) {
	for _, conf := range []struct {
		name, text string
		cases      []checkCase
	}{
		{"Direct", "", []checkCase{
			{"raw", rawDisk, 1},
			{"qcow2 on a chain", qcow2Disk, 1},
			{"qcow2 with its chain named", namedChain, 1},
			{"transient", transientDisk, 1},
			{"block", loopDisk, 1},
			{"volume", volumeDisk, 1},
		}},
		{"DirectToo", "", []checkCase{
			{"network", networkDisk, 0},
			{"dir", folderDisk, 0},
			{"shareable", shareable, 1},
			{"read-only", readOnly, 0},
			{"cdrom", cdrom, 0},
			{"cdrom empty", emptyCD, 0},
			{"floppy", floppy, 1},
			{"optional, missing", optional, 0},
			{"optional, below a file", strings.Replace(optional, "none.img", "raw.img/none.img", 1), 0},
			{"volume optional, missing", strings.Replace(volumeDisk, "'raw.img'", "'none.img' startupPolicy='optional'", 1), 0},
			{"volume optional, no pool", strings.Replace(volumeDisk, "'pool' ", "'none' startupPolicy='optional' ", 1), 0},
			{"two disks", rawDisk + otherDisk, 2},
		}},
		{"Files", "file_lockspace_dir = \"DIR/leases\"\n", []checkCase{
			{"raw", rawDisk, 1},
			{"block", loopDisk, 1},
			{"shareable", shareable, 1},
			{"read-only", readOnly, 0},
			{"lease", lease, 1},
			{"lease and disk", lease + rawDisk, 2},
		}},
		{"Devices", "file_lockspace_dir = \"DIR/leases\"\nlvm_lockspace_dir = \"DIR/lvm\"\nscsi_lockspace_dir = \"DIR/scsi\"\n", []checkCase{
			{"logical volume", strings.ReplaceAll(loopDisk, "/dev/", "/dev/../dev/"), 1},
			{"SCSI", strings.ReplaceAll(loopDisk, "/dev/", "/dev//"), 1},
			{"neither", loopDisk, 1},
			{"raw", rawDisk, 1},
		}},
		{"OnlyLeases", "auto_disk_leases = 0\nfile_lockspace_dir = \"DIR/leases\"\n", []checkCase{
			{"lease and disk", lease + rawDisk, 1},
			{"shareable", shareable, 0},
		}},
		{"NoLeases", "auto_disk_leases = 0\nrequire_lease_for_disks = 0\n", []checkCase{
			{"raw", rawDisk, 0},
		}},
	} {
		t.Run(conf.name, func(t *testing.T) {
			t.Parallel()
			b := newCheckBed(t, conf.text)
			// libvirt makes no lockspace when it asks for no lock on a disk by itself.
			b.must(t, bed.Binary(t, "virtlock-admin"), "lockspace-create", b.dir+"/leases")
			for _, c := range conf.cases {
				t.Run(c.name, func(t *testing.T) { b.compare(t, c) })
			}
		})
	}
}

// TestCheckSaysThatAGuestCannotStart has guests that are in their own way, or ask for
// what is not there: libvirt does not start any of them.
func TestCheckSaysThatAGuestCannotStart(t *testing.T) {
	t.Parallel()
	direct := newCheckBed(t, "")
	required := newCheckBed(t, "auto_disk_leases = 0\n")
	again := func(disk string) string { return strings.Replace(disk, "'sda'", "'sdb'", 1) }
	must(t, os.Symlink("raw.img", direct.dir+"/soft.img"))
	link := strings.Replace(again(rawDisk), "raw.img", "soft.img", 1)
	for _, c := range []struct {
		name, devices string
		bed           *checkBed
		status        int
		state         string
	}{
		{"twice", rawDisk + again(rawDisk), direct, 1, "twice"},
		{"twice by another name", rawDisk + link, direct, 1, "twice"},
		{"twice, one shareable", rawDisk + again(shareable), direct, 1, "twice"},
		{"twice, shareable", shareable + again(shareable), direct, 0, "free"},
		{"missing", strings.Replace(optional, " startupPolicy='optional'", "", 1), direct, 3, "missing"},
		{"volume missing", strings.Replace(volumeDisk, "raw.img", "none.img", 1), direct, 3, "missing"},
		{"no pool", strings.Replace(volumeDisk, "'pool'", "'none'", 1), direct, 3, "missing"},
		{"not absolute", strings.Replace(rawDisk, "DIR/", "", 1), direct, 1, "refused"},
		{"no lockspace", lease, direct, 3, "missing"},
		{"offset", strings.Replace(lease, "/></lease>", " offset='5'/></lease>", 1), direct, 1, "refused"},
		{"no lease", rawDisk, required, 1, "refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			guest := bed.Guest{Name: "web01", Devices: c.bed.fill(c.devices)}
			answer := c.bed.check(t, c.status, c.bed.Describe(guest))
			answer.want(t, c.state, "free")
			err := c.bed.Create(guest)
			if err == nil {
				c.bed.MustVirsh("destroy", "web01")
			}
			t.Logf("create: %v", err)
			if (err != nil) != (c.status != 0) {
				t.Errorf("check exits with %d, and libvirt: %v\n%s", c.status, err, answer.text)
			}
		})
	}
}

// TestCheckWhileADiskIsCopied compares with the locks of a guest whose disk is copied.
func TestCheckWhileADiskIsCopied(t *testing.T) {
	t.Parallel()
	b := newCheckBed(t, "")
	b.MustCreate(bed.Guest{Name: "web01", Devices: b.fill(rawDisk)})
	b.MustVirsh("blockcopy", "web01", "sda", b.dir+"/copy.img", "--wait", "--transient-job")
	answer := b.check(t, 0, "web01")
	answer.want(t, "own")
	if taken := b.taken(t); !slices.Equal(answer.locks, taken) || len(taken) != 2 {
		t.Errorf("predicted %q, taken %q", answer.locks, taken)
	}
}

// TestCheckAfterACommit has a guest whose changes went into the image below: libvirt
// keeps the lock that the commit took.
func TestCheckAfterACommit(t *testing.T) {
	t.Parallel()
	b := newCheckBed(t, "")
	b.MustCreate(bed.Guest{Name: "web01", Devices: b.fill(qcow2Disk)})
	b.MustVirsh("snapshot-create-as", "web01", "--disk-only", "--no-metadata", "--diskspec", "sda,file="+b.dir+"/new.qcow2")
	b.MustVirsh("blockcommit", "web01", "sda", "--top", b.dir+"/top.qcow2", "--wait")
	answer := b.check(t, 0, "web01")
	answer.want(t, "own")
	locks := append(answer.locks, "direct "+b.dir+"/base.img exclusive")
	slices.Sort(locks)
	if taken := b.taken(t); !slices.Equal(locks, taken) {
		t.Errorf("predicted %q, taken %q", answer.locks, taken)
	}
	text, err := b.admin(t, "check", "web01")
	if want := "warning: the guest also holds what its XML does not ask for, as after a commit or during a backup: " + b.dir + "/base.img\n"; err != nil || !strings.Contains(text, want) {
		t.Errorf("%v, no %q in:\n%s", err, want, text)
	}
}

// TestCheckFindsWhoDidNotAsk has a guest that libvirt has paused, and so given its lock
// back: its QEMU is in the way of another one all the same.
func TestCheckFindsWhoDidNotAsk(t *testing.T) {
	t.Parallel()
	b := newCheckBed(t, "")
	b.MustCreate(bed.Guest{Name: "web01", Devices: b.fill(rawDisk)})
	b.MustVirsh("suspend", "web01")
	b.check(t, 0, "web01").want(t, "free")
	guest := bed.Guest{Name: "web02", Devices: b.fill(rawDisk)}
	answer := b.check(t, 4, b.Describe(guest))
	if answer.want(t, "busy"); !strings.Contains(answer.text, "web01 (process ") {
		t.Errorf("the first guest is not named:\n%s", answer.text)
	}
}

// TestCheckFindsAnotherNameInALockspace has two names of one disk, which in a lockspace
// are two locks: libvirt grants the second guest its own, and both write.
func TestCheckFindsAnotherNameInALockspace(t *testing.T) {
	t.Parallel()
	b := newCheckBed(t, "file_lockspace_dir = \"DIR/leases\"\n")
	must(t, os.Link(b.dir+"/raw.img", b.dir+"/hard.img"))
	b.MustCreate(bed.Guest{Name: "web01", Devices: b.fill(rawDisk)})
	guest := bed.Guest{Name: "web02", Devices: b.fill(strings.Replace(rawDisk, "raw.img", "hard.img", 1))}
	answer := b.check(t, 4, b.Describe(guest))
	if answer.want(t, "busy"); !strings.Contains(answer.text, "web01 (process ") || !strings.Contains(answer.text, "used without this lock") {
		t.Errorf("the first guest is not named:\n%s", answer.text)
	}
}

// TestCheckDuringABackup has a guest that holds a lock on what a backup writes.
func TestCheckDuringABackup(t *testing.T) {
	t.Parallel()
	b := newCheckBed(t, "")
	b.MustCreate(bed.Guest{Name: "web01", Devices: b.fill(qcow2Disk)})
	backup := filepath.Join(b.dir, "backup.xml")
	must(t, os.WriteFile(backup, []byte(b.fill("<domainbackup mode='pull'><server transport='unix' socket='DIR/backup'/><disks>"+
		"<disk name='sda' type='file'><scratch file='DIR/scratch.qcow2'/></disk></disks></domainbackup>")), 0o644))
	b.MustVirsh("backup-begin", "web01", backup)
	text, err := b.admin(t, "check", "web01")
	if want := "during a backup: " + b.dir + "/scratch.qcow2\n"; err != nil || !strings.Contains(text, want) {
		t.Errorf("%v, no %q in:\n%s", err, want, text)
	}
}

// checkBed is a host with all that disks can be made of.
type checkBed struct {
	*bed.Host
	dir  string
	loop string
}

func newCheckBed(t *testing.T, conf string) *checkBed {
	t.Helper()
	b := &checkBed{Host: bed.NewHost(t, bed.Ours), dir: bed.Dir(t)}
	b.Leases(b.fill(conf))
	bed.Image(t, b.dir, "raw.img")
	bed.Image(t, b.dir, "base.img")
	for _, name := range []string{"fat", "leases"} {
		must(t, os.Mkdir(filepath.Join(b.dir, name), 0o755))
	}
	bed.Image(t, filepath.Join(b.dir, "leases"), "mail")
	b.must(t, "qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", b.dir+"/base.img", b.dir+"/top.qcow2")
	b.loop = b.attachLoop(t)
	must(t, b.Do(b.makePrograms))
	b.StartVirtlockd()
	b.StartLibvirtd()
	b.serve(t)
	b.definePool(t)
	return b
}

// serve makes an image a disk of the network.
func (b *checkBed) serve(t *testing.T) {
	bed.Image(t, b.dir, "served.img")
	b.Start(exec.Command("qemu-nbd", "--persistent", "--shared=4", "--format=raw", "--socket="+b.dir+"/nbd", b.dir+"/served.img"))
	bed.Eventually(t, "the network's disk is served", func() bool {
		_, err := os.Stat(b.dir + "/nbd")
		return err == nil
	})
}

// definePool makes the directory a storage pool of libvirt.
func (b *checkBed) definePool(t *testing.T) {
	pool := filepath.Join(b.dir, "pool.xml")
	must(t, os.WriteFile(pool, []byte(b.fill("<pool type='dir'><name>pool</name><target><path>DIR</path></target></pool>")), 0o644))
	b.MustVirsh("pool-create", pool)
}

func (b *checkBed) must(t *testing.T, words ...string) string {
	t.Helper()
	out, err := b.Run(words[0], words[1:]...)
	if err != nil {
		t.Fatalf("%q: %v: %s", words, err, out)
	}
	return strings.TrimSpace(out)
}

// attachLoop makes a block device of a file. The kernel's are everybody's, so that it
// has to be given back.
func (b *checkBed) attachLoop(t *testing.T) string {
	t.Helper()
	device := b.must(t, "losetup", "--find", "--show", bed.Image(t, b.dir, "loop.img"))
	t.Cleanup(func() {
		if out, err := exec.Command("losetup", "--detach", device).CombinedOutput(); err != nil {
			t.Errorf("losetup --detach %s: %v: %s", device, err, out)
		}
	})
	return strings.TrimPrefix(device, "/dev/")
}

// The programs that know the names of devices, for a host without device mapper and
// SCSI; there the path decides. What libvirt runs and makes of the answer is its own.
const (
	fakeLVS    = "#!/bin/sh\nfor device; do :; done\ncase $device in */../*) echo '    06UgP5-2rhb-w3Bo-3mdR-WeoL-pytO-SAa2ky';; *) exit 5;; esac\n"
	fakeSCSIID = "#!/bin/sh\nfor device; do :; done\ncase $device in *//*) echo 350000c0f01234567;; *) exit 1;; esac\n"
)

// makePrograms gives the host these programs.
func (b *checkBed) makePrograms() error {
	layers := filepath.Join(b.dir, "layers")
	var failed error
	for _, program := range []struct{ dir, name, text string }{{"/usr/sbin", "lvs", fakeLVS}, {"/lib/udev", "scsi_id", fakeSCSIID}} {
		upper, work := filepath.Join(layers, program.name, "upper"), filepath.Join(layers, program.name, "work")
		failed = errors.Join(failed,
			os.MkdirAll(upper, 0o755), os.MkdirAll(work, 0o755),
			os.WriteFile(filepath.Join(upper, program.name), []byte(program.text), 0o755),
			unix.Mount("overlay", program.dir, "overlay", 0, "lowerdir="+program.dir+",upperdir="+upper+",workdir="+work))
	}
	return failed
}

// fill puts the test's own names into a text.
func (b *checkBed) fill(text string) string {
	return strings.NewReplacer("DIR", b.dir, "LOOP", b.loop).Replace(text)
}

// compare runs a guest and what check says of it.
func (b *checkBed) compare(t *testing.T, c checkCase) {
	first := bed.Guest{Name: "web01", Devices: b.fill(c.devices)}
	description := b.Describe(first)
	before := b.check(t, 0, description)
	before.want(t, "free", "unlocked")

	b.MustCreate(first)
	defer b.MustVirsh("destroy", "web01")
	taken := b.taken(t)
	t.Logf("predicted %q, taken %q", before.locks, taken)
	if !slices.Equal(before.locks, taken) || len(taken) != c.locks {
		t.Errorf("%d locks expected", c.locks)
	}
	for _, source := range []string{description, "web01"} {
		after := b.check(t, 0, source)
		after.want(t, "own", "unlocked")
		if !slices.Equal(after.locks, taken) {
			t.Errorf("of the running guest, from %s: %q", source, after.locks)
		}
	}
	if len(taken) > 0 {
		b.second(t, c, taken)
	}
}

// second looks at a guest with the same devices: it starts when check says that it
// can, and the one that has the locks is named when it cannot.
func (b *checkBed) second(t *testing.T, c checkCase, taken []string) {
	t.Helper()
	guest := bed.Guest{Name: "web02", Devices: b.fill(c.devices)}
	alone := slices.ContainsFunc(taken, func(lock string) bool { return strings.HasSuffix(lock, " exclusive") })
	status := 0
	if alone {
		status = 4
	}
	answer := b.check(t, status, b.Describe(guest))
	switch {
	case alone:
		answer.want(t, "busy", "unlocked")
		if !strings.Contains(answer.text, "web01 (process ") {
			t.Errorf("the first guest is not named:\n%s", answer.text)
		}
	default:
		answer.want(t, "shared", "unlocked")
	}
	err := b.Create(guest)
	if (err != nil) != alone {
		t.Errorf("check exits with %d, and the second guest: %v", status, err)
	}
	if err == nil {
		b.MustVirsh("destroy", "web02")
	}
}

// checkAnswer is what check -q says.
type checkAnswer struct {
	text   string
	locks  []string // lockspace, name and mode
	states []string // each once
}

// check runs check on the description of a guest, and wants an exit status.
func (b *checkBed) check(t *testing.T, status int, source string) checkAnswer {
	t.Helper()
	text, err := b.admin(t, "-q", "check", source)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	}
	if got != status {
		t.Errorf("check %s exits with %d, want %d:\n%s", source, got, status, text)
	}
	answer := checkAnswer{text: text}
	for line := range strings.Lines(text) {
		f := strings.Split(line, "\t")
		if len(f) != 7 {
			continue
		}
		if f[4] != "-" {
			answer.locks = append(answer.locks, lockspace(f[2])+" "+f[3]+" "+f[4])
		}
		answer.states = append(answer.states, f[5])
	}
	slices.Sort(answer.locks)
	return answer
}

// lockspace is how list calls it.
func lockspace(name string) string {
	if name == "-" {
		return "direct"
	}
	return name
}

// want fails the test for a state that is none of these.
func (a checkAnswer) want(t *testing.T, states ...string) {
	t.Helper()
	for _, state := range a.states {
		if !slices.Contains(states, state) {
			t.Errorf("a lock is %s, want %q:\n%s", state, states, a.text)
		}
	}
}

// admin runs virtlock-admin without the second for which a program with the race
// detector waits before it ends.
func (b *checkBed) admin(t *testing.T, words ...string) (string, error) {
	t.Helper()
	return b.Run("env", append([]string{"GORACE=atexit_sleep_ms=0", bed.Binary(t, "virtlock-admin")}, words...)...)
}

// taken are all locks that the daemon holds.
func (b *checkBed) taken(t *testing.T) []string {
	t.Helper()
	text, err := b.admin(t, "-q", "list", "--format", "lockspace,name,mode")
	must(t, err)
	var locks []string
	for line := range strings.Lines(text) {
		locks = append(locks, strings.ReplaceAll(strings.TrimSpace(line), "\t", " "))
	}
	slices.Sort(locks)
	return locks
}
