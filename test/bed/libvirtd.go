package bed

import (
	"fmt"
	"os/exec"
	"strings"
)

// The real peers.
const (
	libvirtd = "/usr/sbin/libvirtd"
	virsh    = "/usr/bin/virsh"
	qemu     = "/usr/bin/qemu-system-x86_64"

	libvirtSocket = "/run/libvirt/libvirt-sock"
)

// qemuConf makes libvirt ask virtlockd, and leave alone what a namespace without
// systemd does not have. Without "file" it would look for virtlogd.
const qemuConf = `
lock_manager = "lockd"
security_driver = "none"
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
`

// libvirtdConf does without polkit, which is not there.
const libvirtdConf = `
auth_unix_rw = "none"
auth_unix_ro = "none"
log_outputs = "3:stderr"
`

// Leases configures where libvirt puts its leases, in the syntax of
// qemu-lockd.conf. Without it the lock is on the image itself.
func (h *Host) Leases(conf string) { h.Write("/etc/libvirt/qemu-lockd.conf", conf) }

// StartLibvirtd starts a real libvirtd and waits until it answers. It has made
// its lockspaces by then.
func (h *Host) StartLibvirtd() *Process {
	h.t.Helper()
	Need(h.t, libvirtd, virsh, qemu)
	h.Write("/etc/libvirt/qemu.conf", qemuConf)
	h.Write("/etc/libvirt/libvirtd.conf", libvirtdConf)
	p := h.startServer(exec.Command(libvirtd), libvirtSocket)
	h.MustVirsh("list") // answered only once the drivers are up
	return p
}

// Virsh runs a command of virsh. It returns what virsh printed, also as the
// text of the error when it failed.
func (h *Host) Virsh(args ...string) (string, error) {
	out, err := h.Run(virsh, append([]string{"-q", "-c", "qemu:///system"}, args...)...)
	out = strings.TrimSpace(out)
	if err != nil {
		return out, fmt.Errorf("virsh %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return out, nil
}

// MustVirsh runs a command of virsh that has to succeed.
func (h *Host) MustVirsh(args ...string) string {
	h.t.Helper()
	out, err := h.Virsh(args...)
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}
