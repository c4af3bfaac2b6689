package main

import (
	"errors"
	"io/fs"
	"path/filepath"
)

// leaseConf is the configuration of libvirt's driver for this daemon: which locks
// it asks for.
type leaseConf struct {
	path string
	// automatic says that it asks for a lock on each disk.
	automatic bool
	// required says that a guest with disks to write must have leases.
	required bool
	// The directories of lockspaces, empty where the lock is on the disk itself.
	files, volumes, scsi string
}

// readLeaseConf reads the configuration for a hypervisor, with libvirt's defaults
// for what is not there.
func readLeaseConf(dir, hypervisor string) (leaseConf, error) {
	name := "qemu-lockd.conf"
	if hypervisor == "xen" {
		name = "libxl-lockd.conf"
	}
	c := leaseConf{path: filepath.Join(dir, name)}
	conf, err := settings(c.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return c, err
	}
	c.automatic = conf["auto_disk_leases"] != "0"
	c.required = !c.automatic
	if value, set := conf["require_lease_for_disks"]; set {
		c.required = value != "0"
	}
	c.files, c.volumes, c.scsi = conf["file_lockspace_dir"], conf["lvm_lockspace_dir"], conf["scsi_lockspace_dir"]
	return c, nil
}

// unasked is why libvirt's driver for a hypervisor does not ask for any lock, or empty.
func unasked(dir, hypervisor string) string {
	name := "qemu.conf"
	switch hypervisor {
	case "qemu", "kvm", "hvf", "":
	case "xen":
		name = "libxl.conf"
	default:
		return "libvirt asks for no lock at all for guests of the type " + quote(hypervisor)
	}
	path := filepath.Join(dir, name)
	conf, err := settings(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "libvirt asks for no lock at all: there is no " + quote(path)
	case err != nil:
		return "whether libvirt asks for locks at all is not known: " + err.Error()
	case conf["lock_manager"] != "lockd":
		return "libvirt asks for no lock at all: " + quote(path) + " does not have lock_manager = \"lockd\""
	}
	return ""
}
