package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// checkLockspace looks at one lockspace: its file system, whether locks there
// exclude, who may write it, and what was left behind.
func (d *doctor) checkLockspace(ctx context.Context, dir string) {
	const check = "lockspace"
	d.apart(ctx, check, dir, func(d *doctor) {
		d.checkPlace(check, dir)
		d.checkDirectory(check, dir, warning, "others may remove the files of locks")
		d.checkLeftovers(dir)
	})
}

// usedFile is a disk that is locked or in use, by its path.
type usedFile struct {
	path string
	id   fileID
}

// checkDirect looks at the file systems of disks that are locked or in use by their
// path, each once.
func (d *doctor) checkDirect(ctx context.Context) {
	const check = "disks"
	seen := make(map[uint64]bool)
	for _, f := range d.usedFiles() {
		if f.id.block || seen[f.id.device] {
			continue
		}
		seen[f.id.device] = d.apart(ctx, check, filepath.Dir(f.path), func(d *doctor) {
			// It may have been moved away, or be another one for the guest.
			if id, err := identify(f.path); err == nil && id.device == f.id.device {
				d.checkPlace(check, filepath.Dir(f.path))
			}
		})
	}
}

// usedFiles are all of them, by their paths.
func (d *doctor) usedFiles() []usedFile {
	var list []usedFile
	for _, lock := range d.locks {
		if id, ok := lockedFile(lock); ok && lock.Lockspace == "" {
			list = append(list, usedFile{lock.Path, id})
		}
	}
	for _, guest := range d.guests {
		for _, f := range guest.disks() {
			list = append(list, usedFile{f.Name, f.id})
		}
	}
	slices.SortFunc(list, func(a, b usedFile) int { return strings.Compare(a.path, b.path) })
	return list
}

// apart looks at what is on storage that may hang, with a doctor of its own, and takes
// over the findings, if there are any. One is that the storage does hang.
func (d *doctor) apart(ctx context.Context, check, dir string, look func(*doctor)) bool {
	ctx, cancel := context.WithTimeoutCause(ctx, probeTime, errNoAnswer)
	defer cancel()
	other := *d
	other.findings = nil
	findings, err := inTime(ctx, quote(dir), func() ([]finding, error) {
		look(&other)
		return other.findings, nil
	})
	if err != nil {
		d.add(failure, check, err.Error(), "guests with disks there hang, and whether locks exclude is not known",
			"bring its server back: mount and dmesg name it")
		return true
	}
	d.findings = append(d.findings, findings...)
	return len(findings) > 0
}

// checkPlace looks whether locks on files of a directory really exclude.
func (d *doctor) checkPlace(check, dir string) {
	m, _ := mountOf(resolved(dir))
	traps := m.traps(dir)
	for _, t := range traps {
		t.Check = check
		d.findings = append(d.findings, t)
	}
	name := fmt.Sprintf("%s (%s)", quote(dir), quote(m.kind))
	const why = "two guests would get one disk at the same time"
	switch result, err := probe(dir); {
	case err != nil:
		d.add(warning, check, name+": could not be tried: "+err.Error(), "whether locks exclude there is not known", "")
	case result != "":
		d.add(failure, check, name+": "+result, why, "use another file system for it, or another mount option")
	case len(traps) == 0:
		d.ok(check, "%s: locks exclude, also between processes", name)
	}
}

// leaseFile is how libvirt names the leases of disks.
var leaseFile = regexp.MustCompile(`^[0-9a-f]{64}$`)

// checkLeftovers looks for leases that nobody holds: the daemon removes those that
// it has made, others may not have.
func (d *doctor) checkLeftovers(dir string) {
	held := make(map[string]bool)
	for _, lock := range d.locks {
		held[lock.Path] = true
	}
	entries, _ := os.ReadDir(dir) // the probe has told what is wrong with it
	var left []string
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		info, err := entry.Info()
		if err == nil && leaseFile.MatchString(entry.Name()) && info.Mode().IsRegular() && info.Size() == 0 && !held[path] && !d.openElsewhere(path) {
			left = append(left, path)
		}
	}
	if len(left) == 0 {
		return
	}
	mend := "rm -- " + strings.Join(left[:min(3, len(left))], " ")
	if len(left) > 3 {
		mend = "virtlock-admin --json doctor | jq -r '.findings[].files[]?' shows them"
	}
	d.findings = append(d.findings, finding{
		Severity: warning, Check: "lockspace", Message: fmt.Sprintf("%s: %s that nobody holds", quote(dir), plural(len(left), "lease file")),
		Why: "a daemon that crashed has left them; they are in nobody's way, but more and more", Mend: mend, Files: left,
	})
}

// openElsewhere reports whether another virtlockd has a file open.
func (d *doctor) openElsewhere(path string) bool {
	id, err := identify(path)
	return err == nil && slices.ContainsFunc(d.others, func(s scanned) bool {
		return slices.ContainsFunc(s.files, func(f openFile) bool { return f.id == id })
	})
}
