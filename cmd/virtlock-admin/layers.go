package main

import (
	"os"
	"path/filepath"
	"strings"
)

// layers are devices that the kernel has made of a file, and places where a
// block device is mounted: users without a process.
func layers(id fileID) []string {
	list := loops(id)
	if !id.block {
		return list
	}
	holders, _ := filepath.Glob("/sys/dev/block/" + id.String() + "/holders/*")
	for _, holder := range holders {
		list = append(list, "device /dev/"+filepath.Base(holder))
	}
	for _, m := range mounts() {
		if m.device == id.String() {
			list = append(list, "mounted on "+quote(m.dir))
		}
	}
	return list
}

// loops are the loop devices of a file.
func loops(id fileID) []string {
	list := []string{}
	names, _ := filepath.Glob("/sys/block/loop*/loop/backing_file")
	for _, name := range names {
		path, err := os.ReadFile(name)
		if err == nil && id.leadsTo(strings.TrimSuffix(string(path), "\n")) {
			list = append(list, "loop device /dev/"+strings.Split(name, "/")[3])
		}
	}
	return list
}

// mount is a mounted file system.
type mount struct {
	device  string // MAJOR:MINOR
	dir     string
	kind    string
	options string // of the mount and of the file system, between commas
}

// mounts are the mounts that this process sees, in their order.
func mounts() []mount {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	var list []mount
	for line := range strings.Lines(string(text)) {
		if m, ok := parseMount(line); ok {
			list = append(list, m)
		}
	}
	return list
}

// parseMount reads a line as proc(5) describes it:
// "36 35 98:0 /root /mnt rw,noatime master:1 - ext3 /dev/root rw,errors=continue".
func parseMount(line string) (m mount, ok bool) {
	before, after, ok := strings.Cut(line, " - ")
	words, rest := strings.Fields(before), strings.Fields(after)
	if !ok || len(words) < 6 || len(rest) < 3 {
		return m, false
	}
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	return mount{device: words[2], dir: unescape.Replace(words[4]), kind: rest[0], options: words[5] + "," + rest[2]}, true
}

// mountOf is the mount that a path is on: the last one of its file system with
// the longest path. A file system without a device of its own, as that of btrfs's
// subvolumes, is found by the path alone.
func mountOf(path string) (found mount, ok bool) {
	for _, m := range mounts() {
		below := m.dir == "/" || path == m.dir || strings.HasPrefix(path, m.dir+"/")
		if below && len(m.dir) >= len(found.dir) {
			found, ok = m, true
		}
	}
	return found, ok
}

// option is the value of an option of the mount, or whether it has it.
func (m mount) option(name string) (value string, has bool) {
	for word := range strings.SplitSeq(m.options, ",") {
		if key, value, _ := strings.Cut(word, "="); key == name {
			return value, true
		}
	}
	return "", false
}
