package bed

import (
	"os"
	"testing"
)

// packages says which Debian package brings a file that tests need.
var packages = map[string]string{
	Libvirts.path:  "libvirt-daemon",
	libvirtd:       "libvirt-daemon",
	virsh:          "libvirt-clients",
	virtAdmin:      "libvirt-clients",
	qemu:           "qemu-system-x86",
	nspawn:         "systemd-container",
	systemd:        "systemd",
	socat:          "socat",
	"/etc/libvirt": "libvirt-daemon-system",
	"/dev/fuse":    "fuse3 (and the fuse module of the kernel)",
	"/usr/bin/gcc": "gcc and libc6-dev (the race detector needs cgo)",

	"/usr/bin/virt-xml-validate": "libvirt-clients",
	"/usr/bin/xmllint":           "libxml2-utils",
}

// Need fails the test when a file is missing, and says what to install. A
// missing peer never skips a test: a skipped test proves nothing.
func Need(t testing.TB, files ...string) {
	t.Helper()
	for _, file := range files {
		if _, err := os.Stat(file); err != nil {
			t.Fatalf("missing %s: install the Debian package %s", file, packages[file])
		}
	}
}
