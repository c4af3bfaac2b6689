package main

import (
	"fmt"
	"strings"
)

// traps are what is known to go wrong with locks on a file system.
func (m mount) traps(dir string) []finding {
	trap := func(s severity, message, why, mend string) []finding {
		return []finding{{Severity: s, Message: fmt.Sprintf("%s is on %s: %s", quote(dir), quote(m.kind), message), Why: why, Mend: mend}}
	}
	local, _ := m.option("local_lock")
	_, nolock := m.option("nolock")
	_, nobrl := m.option("nobrl")
	version, _ := m.option("vers")
	switch {
	case m.kind == "nfs" && (nolock || local == "all" || local == "posix"):
		return trap(failure, "mounted with locks that only this host sees", "another host grants the same disk",
			"mount it without nolock and local_lock, better with vers=4.2")
	case m.kind == "nfs" && strings.HasPrefix(version, "3"):
		return trap(warning, "version 3", "the lock of a host that lost its power stays until that host is back",
			"mount it with vers=4.2: there the server frees it after the lease time")
	case m.kind == "virtiofs" || m.kind == "9p":
		return trap(warning, "whether locks reach the host is up to how it was shared", "the host, and its other guests, may not see them",
			"virtiofsd has to run with posix_lock; better keep disks on storage of this system")
	case m.kind == "overlay":
		return trap(warning, "a file is copied when it is first written", "a lock on the lower file does not exclude one on the copy",
			"use a directory that is no overlay, as a volume of the container")
	case m.kind == "cifs" || m.kind == "smb3":
		if nobrl {
			return trap(failure, "mounted with nobrl: locks are not sent", "another host grants the same disk", "mount it without nobrl")
		}
		return trap(warning, "locks are mandatory there, and keep the guest from its own disk", "guests fail with I/O errors", "keep disks on other storage, and leases in a lockspace")
	case m.kind == "fuse" || strings.HasPrefix(m.kind, "fuse.") && m.kind != "fuse.glusterfs" && m.kind != "fuse.ceph":
		return trap(warning, "most file systems of this sort keep locks on this host", "another host may grant the same disk",
			"ask its manual for POSIX locks; or keep leases in a lockspace on storage that all hosts share")
	}
	return nil
}
