package bed

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Guest is a guest without an operating system: its firmware finds nothing to
// boot and halts.
type Guest struct {
	Name  string
	Disks []Disk
	Lease *Lease
	// Devices are further devices, in libvirt's XML.
	Devices string
}

// Disk is a raw image of a guest.
type Disk struct {
	Path      string
	Shareable bool
	ReadOnly  bool
}

// Lease is a lease that a guest asks for by name.
type Lease struct{ Lockspace, Key, Target string }

// Image makes an empty image of 1 MiB and returns its path.
func Image(t testing.TB, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o666)
	if err != nil {
		t.Fatalf("make image: %v", err)
	}
	defer file.Close()
	if err := file.Truncate(1 << 20); err != nil {
		t.Fatalf("make image: %v", err)
	}
	return path
}

// WithDisk is a guest with one disk of its own.
func WithDisk(name, image string) Guest {
	return Guest{Name: name, Disks: []Disk{{Path: image}}}
}

// domainXML is all a guest needs. QEMU locks images itself, and would refuse the
// second guest before virtlockd is asked; share-rw tells it not to.
const domainXML = `
<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>%s</name>
  <memory unit='MiB'>32</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>
    <emulator>` + qemu + `</emulator>
    <controller type='usb' model='none'/>
    <controller type='scsi' model='virtio-scsi'/>
    <memballoon model='none'/>
%s  </devices>
  <qemu:commandline>
    <qemu:arg value='-global'/>
    <qemu:arg value='scsi-hd.share-rw=on'/>
  </qemu:commandline>
</domain>
`

// xml describes the guest to libvirt.
func (g Guest) xml() string {
	var devices strings.Builder
	for i, disk := range g.Disks {
		devices.WriteString(disk.xml("sd" + string(rune('a'+i))))
	}
	if g.Lease != nil {
		fmt.Fprintf(&devices, "<lease><lockspace>%s</lockspace><key>%s</key><target path='%s'/></lease>\n",
			g.Lease.Lockspace, g.Lease.Key, g.Lease.Target)
	}
	devices.WriteString(g.Devices)
	return fmt.Sprintf(domainXML, g.Name, devices.String())
}

// xml describes the disk to libvirt as the guest's disk target.
func (d Disk) xml(target string) string {
	var options string
	if d.Shareable {
		options += "<shareable/>"
	}
	if d.ReadOnly {
		options += "<readonly/>"
	}
	return fmt.Sprintf("<disk type='file' device='disk'><driver name='qemu' type='raw'/>"+
		"<source file='%s'/><target dev='%s' bus='scsi'/>%s</disk>\n", d.Path, target, options)
}

// Describe puts the description of a guest into a file, for who wants to read it.
func (h *Host) Describe(g Guest) string { return h.xmlFile(g.Name, g.xml()) }

// Create starts a guest, with options of virsh's create.
func (h *Host) Create(g Guest, options ...string) error {
	_, err := h.Virsh(append([]string{"create", h.xmlFile(g.Name, g.xml())}, options...)...)
	return err
}

// MustCreate starts a guest that has to start, and returns its process id.
func (h *Host) MustCreate(g Guest) int {
	h.t.Helper()
	if err := h.Create(g); err != nil {
		h.t.Fatal(err)
	}
	return h.GuestPID(g.Name)
}

// Attach adds a disk to a running guest.
func (h *Host) Attach(guest, target string, d Disk) error {
	_, err := h.Virsh("attach-device", guest, h.xmlFile(guest+"-"+target, d.xml(target)))
	return err
}

// xmlFile puts a description where virsh finds it.
func (h *Host) xmlFile(name, text string) string {
	path := filepath.Join(h.dir, name+".xml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		h.t.Fatalf("write description: %v", err)
	}
	return path
}

// GuestPID is the process of a running guest.
func (h *Host) GuestPID(name string) int {
	h.t.Helper()
	pid, err := strconv.Atoi(h.Read("/run/libvirt/qemu/" + name + ".pid"))
	if err != nil {
		h.t.Fatalf("process of guest: %v", err)
	}
	return pid
}

// State is a guest's state in virsh's words, "absent" when there is none.
func (h *Host) State(name string) string {
	state, err := h.Virsh("domstate", name)
	if err != nil {
		return "absent"
	}
	return state
}

// Alive reports whether a process runs.
func Alive(pid int) bool { return unix.Kill(pid, 0) == nil }
