package main

import (
	"slices"
	"strings"
)

// isQEMU reports whether a process runs a guest.
func (p process) isQEMU() bool {
	name := p.program()
	return strings.HasPrefix(name, "qemu-system-") || name == "qemu-kvm" || name == "kvm"
}

// isQEMUTool reports whether a process is one of QEMU's programs for images,
// which lock them as QEMU does.
func (p process) isQEMUTool() bool {
	return slices.Contains([]string{"qemu-img", "qemu-io", "qemu-nbd", "qemu-storage-daemon"}, p.program())
}

// guest is the name and the UUID that a QEMU was started with, where it was.
func (p process) guest() (name, uuid string) {
	if !p.isQEMU() {
		return "", ""
	}
	for i, word := range p.args[:len(p.args)-1] {
		switch word {
		case "-name", "--name":
			name = guestName(p.args[i+1])
		case "-uuid", "--uuid":
			uuid = p.args[i+1]
		}
	}
	return name, uuid
}

// guestName reads the value of -name: options between commas, of which the first
// is the guest if it does not say so. A comma in a name is doubled.
func guestName(value string) string {
	const comma = "\x00" // no argument has one
	for i, option := range strings.Split(strings.ReplaceAll(value, ",,", comma), ",") {
		key, name, named := strings.Cut(option, "=")
		switch {
		case named && key == "guest":
			return strings.ReplaceAll(name, comma, ",")
		case !named && i == 0:
			return strings.ReplaceAll(option, comma, ",")
		}
	}
	return ""
}
