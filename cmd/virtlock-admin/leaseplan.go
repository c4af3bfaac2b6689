package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"virtlock/client/api"
)

// planner works out the leases of a guest as libvirt's driver does.
type planner struct {
	conf  leaseConf
	guest string
}

// plan lists the leases in the order in which libvirt asks for them.
func (p planner) plan(ctx context.Context, d domain) []lease {
	list := []lease{} // an empty list in JSON, and not null
	for _, named := range d.leases {
		list = append(list, p.named(named))
	}
	for _, disk := range d.disks {
		list = append(list, p.disk(ctx, disk))
	}
	p.require(list)
	return list
}

func (p planner) named(named explicitLease) lease {
	l := lease{Device: explicit, Source: named.key, Holders: []taker{}}
	switch {
	case named.key == "" || named.target == "" || named.lockspace == "":
		l.refuse("libvirt wants its lockspace, its key and its target")
	case strings.TrimLeft(named.offset, "0") != "":
		l.refuse("libvirt wants its offset to be 0")
	default:
		l.Mode = api.Exclusive
		l.isFile(named.target+"/"+named.lockspace, named.key)
	}
	return l
}

// disk is the lease for a disk. Of a chain of images only the first one has one.
func (p planner) disk(ctx context.Context, d disk) lease {
	l := lease{Device: d.target, Source: d.path, Holders: []taker{}}
	switch {
	case d.kind != "volume" || d.volume == "":
	case d.readOnly: // wherever it is
		l.Source = d.pool + "/" + d.volume
	default:
		path, err := volumePath(ctx, d)
		if err != nil {
			l.Source = d.pool + "/" + d.volume
			l.isLost(err, d.optional)
			return l
		}
		l.Source = path
	}
	if why := p.unlocked(ctx, d, l.Source); why != "" {
		l.State, l.Note = stateUnlocked, why
		return l
	}
	if !p.conf.automatic {
		l.State, l.Note, l.bare = stateUnlocked, "auto_disk_leases is 0", !d.shareable
		return l
	}
	if !filepath.IsAbs(l.Source) {
		l.refuse("libvirt wants a path that begins with /")
		return l
	}
	l.Mode = api.Exclusive
	if d.shareable {
		l.Mode = api.Shared
	}
	if overlay := ".TRANSIENT-" + p.guest; d.transient && !strings.HasSuffix(l.Source, overlay) {
		// What the guest writes goes into a file that goes with it. QEMU has the disk
		// itself open before, as if it were to write that.
		l.base, l.Note = l.Source, "made when the guest starts"
		l.Source += overlay
	}
	p.place(ctx, &l)
	return l
}

// unlocked is why libvirt takes no lock for a disk, or empty.
func (p planner) unlocked(ctx context.Context, d disk, path string) string {
	switch {
	case d.kind == "file" && path == "", d.kind == "block" && path == "", d.kind == "volume" && path == "":
		return "empty"
	case d.kind != "file" && d.kind != "block" && d.kind != "volume":
		return "of type " + quote(d.kind)
	case d.readOnly:
		return "read-only"
	case d.kind == "volume" && !filepath.IsAbs(path):
		return "a volume that is no file"
	case d.optional && isMissing(ctx, path):
		return "left out: its file is missing, and it is optional"
	}
	return ""
}

// place finds out on what the lock for a disk is: on the disk itself, or on a file in
// a lockspace that is called after it.
func (p planner) place(ctx context.Context, l *lease) {
	// libvirt takes what is below /dev for a block device, whatever its type says.
	if strings.HasPrefix(l.Source, "/dev") {
		for _, k := range []deviceKey{{p.conf.volumes, lvsProgram, lvmKey}, {p.conf.scsi, scsiIDProgram, scsiKey}} {
			if k.lockspace == "" {
				continue
			}
			name, err := k.of(ctx, l.Source)
			if err != nil {
				l.refuse(fmt.Sprintf("libvirt cannot run %s for %s", k.program, quote(p.conf.path)))
				return
			}
			if name != "" {
				l.isFile(k.lockspace, name)
				return
			}
		}
	}
	if p.conf.files != "" {
		l.isFile(p.conf.files, leaseName(l.Source))
		return
	}
	l.Name, l.path = l.Source, l.Source
}

// require refuses the disks of a guest that must have a lease and has none.
func (p planner) require(list []lease) {
	if p.conf.automatic || !p.conf.required {
		return
	}
	for _, l := range list {
		if l.Device == explicit {
			return
		}
	}
	for i, l := range list {
		if l.bare {
			list[i].refuse(fmt.Sprintf("%s wants a <lease> for what the guest writes", quote(p.conf.path)))
		}
	}
}

// volumePath asks libvirt where a volume of a storage pool is.
func volumePath(ctx context.Context, d disk) (string, error) {
	path, err := askVirsh(ctx, "vol-path", "--pool", d.pool, "--vol", d.volume)
	return strings.TrimSpace(path), err
}

// isLost says what becomes of a volume whose path libvirt does not tell.
func (l *lease) isLost(err error, optional bool) {
	var refusal *virshError
	answered := errors.As(err, &refusal)
	switch {
	case answered && optional: // whatever the reason
		l.State, l.Note = stateUnlocked, "left out: it is optional, and "+quote(refusal.words)
	case answered && refusal.noVolume():
		l.State, l.Note = stateMissing, quote(refusal.words)
	default:
		l.State, l.Note = stateUnknown, err.Error()
	}
}

// isMissing reports whether a path leads to no file, for whatever reason.
func isMissing(ctx context.Context, path string) bool {
	_, err := identifyInTime(ctx, path)
	return errors.As(err, new(*fs.PathError))
}
