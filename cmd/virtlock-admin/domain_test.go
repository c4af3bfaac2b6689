package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// domainOf is the description of a guest with devices.
func domainOf(devices string) string {
	return "<domain type='qemu'><name>web07</name><uuid>" + handUUID + "</uuid><devices>" + devices + "</devices></domain>"
}

// planned are the leases of a guest, without their states.
func planned(t *testing.T, conf leaseConf, devices string) string {
	t.Helper()
	d, err := readDomain(strings.NewReader(domainOf(devices)))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, l := range (planner{conf: conf, guest: d.name}).plan(t.Context(), d) {
		lines = append(lines, strings.Join([]string{l.Device, l.Source, orDash(l.Lockspace), orDash(l.Name), orDash(string(l.Mode)), orDash(l.Note)}, " | "))
	}
	return strings.Join(lines, "\n")
}

func TestPlan(t *testing.T) {
	direct := leaseConf{automatic: true}
	files := leaseConf{automatic: true, files: "/leases"}
	for name, c := range map[string]struct {
		conf          leaseConf
		devices, want string
	}{
		"File":               {direct, "<disk type='file'><source file='/a.img'/><target dev='vda'/></disk>", "vda | /a.img | - | /a.img | exclusive | -"},
		"NoType":             {direct, "<disk><source file='/a.img'/><target dev='vda'/></disk>", "vda | /a.img | - | /a.img | exclusive | -"},
		"OtherSource":        {direct, "<disk type='block'><source file='/a.img'/><target dev='vda'/></disk>", "vda |  | - | - | - | empty"},
		"Block":              {direct, "<disk type='block'><source dev='/dev/sdz'/><target dev='vda'/></disk>", "vda | /dev/sdz | - | /dev/sdz | exclusive | -"},
		"Shareable":          {direct, "<disk type='file'><source file='/a.img'/><target dev='vda'/><shareable/></disk>", "vda | /a.img | - | /a.img | shared | -"},
		"ReadOnly":           {direct, "<disk type='file'><source file='/a.img'/><target dev='vda'/><readonly/></disk>", "vda | /a.img | - | - | - | read-only"},
		"CDROM":              {direct, "<disk type='file' device='cdrom'><source file='/a.iso'/><target dev='vda'/></disk>", "vda | /a.iso | - | - | - | read-only"},
		"EmptyCDROM":         {direct, "<disk type='file' device='cdrom'><source file=''/><target dev='vda'/></disk>", "vda |  | - | - | - | empty"},
		"Network":            {direct, "<disk type='network'><source protocol='nbd' name='x'/><target dev='vda'/></disk>", "vda |  | - | - | - | of type network"},
		"NVMe":               {direct, "<disk type='nvme'><source type='pci'/><target dev='vda'/></disk>", "vda |  | - | - | - | of type nvme"},
		"BackingStore":       {direct, "<disk type='file'><backingStore type='file'><source file='/b.img'/></backingStore><source file='/a.img'/><target dev='vda'/></disk>", "vda | /a.img | - | /a.img | exclusive | -"},
		"FirstSource":        {direct, "<disk type='file'><source file='/a.img'/><source file='/b.img'/><target dev='vda'/></disk>", "vda | /a.img | - | /a.img | exclusive | -"},
		"OtherNames":         {direct, "<x:disk xmlns:x='y' type='file'><source file='/a.img'/></x:disk><filesystem><source file='/a'/></filesystem>", ""},
		"Optional":           {direct, "<disk type='file'><source file='/none/a.img' startupPolicy='optional'/><target dev='vda'/></disk>", "vda | /none/a.img | - | - | - | left out: its file is missing, and it is optional"},
		"OptionalBelowAFile": {direct, "<disk type='file'><source file='/etc/passwd/a.img' startupPolicy='optional'/><target dev='vda'/></disk>", "vda | /etc/passwd/a.img | - | - | - | left out: its file is missing, and it is optional"},
		"Mirror":             {direct, "<disk type='file'><source file='/a.img'/><mirror type='file' file='/b.img'><source file='/b.img'/></mirror><target dev='vda'/></disk>", "vda | /a.img | - | /a.img | exclusive | -\nvda | /b.img | - | /b.img | exclusive | -"},
		"Transient":          {direct, "<disk type='file'><source file='/a.img'/><target dev='vda'/><transient/></disk>", "vda | /a.img.TRANSIENT-web07 | - | /a.img.TRANSIENT-web07 | exclusive | made when the guest starts"},
		"TransientRun":       {direct, "<disk type='file'><source file='/a.img.TRANSIENT-web07'/><target dev='vda'/><transient/></disk>", "vda | /a.img.TRANSIENT-web07 | - | /a.img.TRANSIENT-web07 | exclusive | -"},
		"Relative":           {direct, "<disk type='file'><source file='a.img'/><target dev='vda'/></disk>", "vda | a.img | - | - | - | libvirt wants a path that begins with /"},
		"Lockspace":          {files, "<disk type='file'><source file='/srv/../a.img'/><target dev='vda'/></disk>", "vda | /srv/../a.img | /leases | " + leaseName("/srv/../a.img") + " | exclusive | -"},
		"Lease":              {direct, "<lease><lockspace>rack</lockspace><key>mail</key><target path='/l' offset='0'/></lease>", "lease | mail | /l/rack | mail | exclusive | -"},
		"LeaseOffset":        {direct, "<lease><lockspace>rack</lockspace><key>mail</key><target path='/l' offset='7'/></lease>", "lease | mail | - | - | - | libvirt wants its offset to be 0"},
		"LeaseNowhere":       {direct, "<lease><key>mail</key><target path='/l'/></lease>", "lease | mail | - | - | - | libvirt wants its lockspace, its key and its target"},
		"NotAutomatic":       {leaseConf{}, "<disk type='file'><source file='/a.img'/><target dev='vda'/></disk>", "vda | /a.img | - | - | - | auto_disk_leases is 0"},
		"Required":           {leaseConf{path: "/c", required: true}, "<disk type='file'><source file='/a.img'/><target dev='vda'/></disk>", "vda | /a.img | - | - | - | /c wants a <lease> for what the guest writes"},
		"RequiredOnlyToWrite": {
			leaseConf{path: "/c", required: true},
			"<disk type='file'><source file='/a.img'/><target dev='vda'/><shareable/></disk>",
			"vda | /a.img | - | - | - | auto_disk_leases is 0",
		},
	} {
		t.Run(name, func(t *testing.T) { compare(t, planned(t, c.conf, c.devices), c.want) })
	}
}

func TestLeaseConf(t *testing.T) {
	for text, want := range map[string]leaseConf{
		"": {automatic: true},
		"auto_disk_leases = 0\nfile_lockspace_dir = \"/f\"\n":           {required: true, files: "/f"},
		"auto_disk_leases = 0\nrequire_lease_for_disks = 0\n":           {},
		"auto_disk_leases = 1\nrequire_lease_for_disks = 1\n":           {automatic: true, required: true},
		"lvm_lockspace_dir = \"/l\"\n#x = 1\nscsi_lockspace_dir=\"/s\"": {automatic: true, volumes: "/l", scsi: "/s"},
	} {
		dir := t.TempDir()
		want.path = filepath.Join(dir, "qemu-lockd.conf")
		if err := os.WriteFile(want.path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := readLeaseConf(dir, "kvm"); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

// TestUnasked has a QEMU whose locks are asked for, and a Xen whose are not.
func TestUnasked(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"qemu.conf": "lock_manager = \"lockd\"\n", "libxl.conf": "#lock_manager = \"lockd\"\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for hypervisor, want := range map[string]string{
		"": "", "qemu": "", "kvm": "",
		"xen": "libvirt asks for no lock at all: " + dir + "/libxl.conf does not have lock_manager = \"lockd\"",
		"lxc": "libvirt asks for no lock at all for guests of the type lxc",
	} {
		compare(t, unasked(dir, hypervisor), want)
	}
}

// hostile are descriptions that are no such, or that mean harm.
var hostile = map[string]string{
	"":             "there is no XML",
	"web07":        "there is text outside of its root element",
	"<domain>":     "XML syntax error",
	"<network/>":   `its root is "network"`,
	"<domain>&x;":  "invalid character entity &x;",
	"<x:domain/>":  `its root "domain" is in a namespace`,
	"<domain/>x":   "there is text outside of its root element",
	"\x1f\x8b\x08": "illegal character code",
	"<!DOCTYPE domain [<!ENTITY a 'b'>]><domain>&a;</domain>": "document type",
	"<!DOCTYPE domain SYSTEM 'file:///etc/passwd'><domain/>":  "document type",
	"<?xml version='1.0' encoding='UTF-7'?><domain/>":         `it is in "UTF-7", and only UTF-8 is read`,
	"<domain/><domain/>": "it has a second root element",
	"<domain/><!-- x ->": "syntax error",
	"<domain>" + strings.Repeat("<disk/>", elementLimit) + "</domain>":        "more than 40000 elements",
	"<domain>" + strings.Repeat("<a>", depthLimit) + "</domain>":              "deep",
	"<domain>" + strings.Repeat(" ", domainLimit) + "</domain>":               "longer than",
	"<domain><devices>" + strings.Repeat("<disk/>", 10) + "</disk></devices>": "syntax error",
}

func TestHostileDescriptionIsRefused(t *testing.T) {
	for text, want := range hostile {
		if _, err := readDomain(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %q", text, err, want)
		}
	}
}

// TestDescriptionWithSurroundings reads what stands in files beside the description.
func TestDescriptionWithSurroundings(t *testing.T) {
	text := "\ufeff<?xml version='1.0' encoding='utf-8'?>\n<!-- made by hand -->\n" + domainOf("") + "\n<!-- end -->\n<?note?>\n"
	if d, err := readDomain(strings.NewReader(text)); err != nil || d.name != "web07" {
		t.Errorf("%+v, %v", d, err)
	}
}

// FuzzReadDomain reads anything as the description of a guest, and plans its leases: a
// lock has a mode and a name, and what has none a reason.
func FuzzReadDomain(f *testing.F) {
	for text := range hostile {
		if len(text) < 1<<16 {
			f.Add(text)
		}
	}
	for _, devices := range []string{
		"<disk type='file'><source file='/a.img'/><target dev='vda'/><shareable/></disk>",
		"<disk type='block'><source dev='/dev/sdz'/><mirror type='file'><source file='/b'/></mirror><transient/></disk>",
		"<lease><lockspace>rack</lockspace><key>mail</key><target path='/l' offset='0'/></lease>",
	} {
		f.Add(domainOf(devices))
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := readDomain(strings.NewReader(text))
		if err != nil {
			return
		}
		for i := range d.disks { // which libvirt would be asked about
			d.disks[i].pool, d.disks[i].volume = "", ""
		}
		for _, l := range (planner{conf: leaseConf{automatic: true, files: "/leases"}, guest: d.name}).plan(t.Context(), d) {
			locked := l.State == ""
			if locked != (l.Mode != "" && l.Name != "" && l.path != "") || !locked && l.Note == "" {
				t.Errorf("lease %+v", l)
			}
		}
	})
}
