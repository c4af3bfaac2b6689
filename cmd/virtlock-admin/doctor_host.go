package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// replaced reports whether the file of a running program is there no more.
func replaced(pid int) bool {
	path, err := os.Readlink(procFile(pid, "exe"))
	return err == nil && strings.HasSuffix(path, " (deleted)")
}

// checkSockets looks who may use or replace the daemon's sockets.
func (d *doctor) checkSockets() {
	sockets, err := d.e.sockets()
	if err != nil {
		return
	}
	seen := make(map[string]bool)
	for _, socket := range sockets {
		info, err := os.Stat(socket)
		if err != nil {
			continue // the daemon answers, or that was found already
		}
		if info.Mode().Perm()&0o002 != 0 {
			d.add(warning, "socket", quote(socket)+" may be written by everybody",
				"the daemon serves only its own user, but others can take up its connections", "chmod o-w "+shellWord(socket))
		} else {
			d.ok("socket", "%s, mode %04o", quote(socket), info.Mode().Perm())
		}
		if dir := filepath.Dir(socket); !seen[dir] {
			seen[dir] = true
			d.checkDirectory("socket", dir, failure, "others may put their own socket there, and grant what they like")
		}
	}
}

// checkDirectory looks whether others may replace what is in a directory.
func (d *doctor) checkDirectory(check, dir string, s severity, why string) {
	info, err := os.Stat(dir)
	if err != nil {
		return
	}
	if info.Mode().Perm()&0o022 != 0 && info.Mode()&os.ModeSticky == 0 {
		d.add(s, check, fmt.Sprintf("directory %s may be written by others, mode %04o", quote(dir), info.Mode().Perm()), why, "chmod go-w "+shellWord(dir))
	}
}

// setting is a line of libvirt's configuration.
var setting = regexp.MustCompile(`(?m)^[ \t]*([a-z_]+)[ \t]*=[ \t]*(?:"([^"\n]*)"|([0-9]+))`)

// settings reads one of libvirt's configuration files, as far as single values go.
func settings(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	found := make(map[string]string)
	for _, m := range setting.FindAllStringSubmatch(string(text), -1) {
		found[m[1]] = m[2] + m[3]
	}
	return found, nil
}

// checkLibvirt looks whether libvirt asks for locks at all.
func (d *doctor) checkLibvirt() {
	const check = "libvirt"
	path := filepath.Join(d.e.configDir, "qemu.conf")
	conf, err := settings(path)
	switch {
	case os.IsNotExist(err):
		d.ok(check, "no %s", quote(path))
		return
	case err != nil:
		d.add(warning, check, "its configuration may not be read: "+err.Error(), "whether it asks for locks is not known", "sudo virtlock-admin doctor")
		return
	}
	switch manager := conf["lock_manager"]; manager {
	case "lockd":
		d.ok(check, "asks for locks: lock_manager = \"lockd\" in %s", quote(path))
	case "":
		d.add(warning, check, "lock_manager is not set in "+quote(path), "libvirt starts guests without asking for a lock",
			"echo 'lock_manager = \"lockd\"' >>"+shellWord(path)+"; systemctl restart libvirtd")
	default:
		d.add(warning, check, fmt.Sprintf("lock_manager is %q in %s", manager, quote(path)), "its guests are not protected by this daemon",
			"set lock_manager = \"lockd\" there; systemctl restart libvirtd")
	}
	d.checkLeases()
}

// checkLeases looks at libvirt's driver for this daemon.
func (d *doctor) checkLeases() {
	path := filepath.Join(d.e.configDir, "qemu-lockd.conf")
	conf, err := settings(path)
	if err == nil && conf["auto_disk_leases"] == "0" && conf["require_lease_for_disks"] != "1" {
		d.add(warning, "libvirt", "auto_disk_leases is 0 in "+quote(path), "only disks with a lease of their own are locked",
			"set auto_disk_leases = 1 there; systemctl restart libvirtd")
	}
}

// checkDevices looks for locks on block devices, which other hosts do not see.
func (d *doctor) checkDevices() {
	var names []string
	for _, lock := range d.locks {
		if id, ok := lockedFile(lock); ok && id.block && !strings.HasPrefix(lock.Path, "/dev/loop") {
			names = append(names, lock.Path)
		}
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	d.findings = append(d.findings, finding{
		Severity: warning, Check: "block devices",
		Message: fmt.Sprintf("%s on devices, as %s, which only this host sees", plural(len(names), "lock"), quote(names[0])),
		Why:     "another host that has the same disk grants it as well",
		Mend:    "set lvm_lockspace_dir and scsi_lockspace_dir in qemu-lockd.conf to a directory that all hosts share",
		Files:   names,
	})
}
