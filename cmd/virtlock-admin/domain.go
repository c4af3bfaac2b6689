package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// domain is what of a guest's description concerns its locks.
type domain struct {
	kind       string // the hypervisor
	name, uuid string
	disks      []disk
	leases     []explicitLease
}

// disk is a disk of a guest, in libvirt's words.
type disk struct {
	target string // what the guest calls it
	kind   string // file, block, volume, network, …
	device string // disk, cdrom, floppy or lun
	path   string // empty where there is none

	pool, volume string // of which libvirt's storage driver knows the path

	readOnly, shareable, transient bool
	// optional says that the guest starts without it when the file is missing.
	optional bool
}

// explicitLease is a lease that the description asks for by name.
type explicitLease struct{ lockspace, key, target, offset string }

// domainXML is the description as encoding/xml reads it. Of what is there several
// times libvirt takes the first, which encoding/xml would not.
type domainXML struct {
	XMLName xml.Name
	Type    string       `xml:"type,attr"`
	Names   []string     `xml:"name"`
	UUIDs   []string     `xml:"uuid"`
	Devices []devicesXML `xml:"devices"`
}

type devicesXML struct {
	Disks  []diskXML  `xml:"disk"`
	Leases []leaseXML `xml:"lease"`
}

type diskXML struct {
	Type      string      `xml:"type,attr"`
	Device    string      `xml:"device,attr"`
	Sources   []sourceXML `xml:"source"`
	Targets   []targetXML `xml:"target"`
	Mirrors   []mirrorXML `xml:"mirror"`
	ReadOnly  []struct{}  `xml:"readonly"`
	Shareable []struct{}  `xml:"shareable"`
	Transient []struct{}  `xml:"transient"`
}

type sourceXML struct {
	File          string `xml:"file,attr"`
	Dev           string `xml:"dev,attr"`
	Dir           string `xml:"dir,attr"`
	Pool          string `xml:"pool,attr"`
	Volume        string `xml:"volume,attr"`
	StartupPolicy string `xml:"startupPolicy,attr"`
}

type targetXML struct {
	Dev    string `xml:"dev,attr"`
	Path   string `xml:"path,attr"`
	Offset string `xml:"offset,attr"`
}

type mirrorXML struct {
	Type    string      `xml:"type,attr"`
	Sources []sourceXML `xml:"source"`
}

type leaseXML struct {
	Lockspaces []string    `xml:"lockspace"`
	Keys       []string    `xml:"key"`
	Targets    []targetXML `xml:"target"`
}

// readDomain reads the description of a guest. It fails for anything else, and for
// what libvirt would not read.
func readDomain(r io.Reader) (domain, error) {
	text, err := io.ReadAll(io.LimitReader(r, domainLimit+1))
	switch {
	case err != nil:
		return domain{}, err
	case len(text) > domainLimit:
		return domain{}, fmt.Errorf("it is longer than %d bytes, more than libvirt sends", domainLimit)
	}
	var x domainXML
	tokens := &boundedTokens{decoder: xml.NewDecoder(bytes.NewReader(text))}
	tokens.decoder.CharsetReader = refuseEncoding
	err = xml.NewTokenDecoder(tokens).Decode(&x)
	var encoding encodingError
	switch root := x.XMLName.Local; {
	case errors.As(err, &encoding): // without the words around it
		return domain{}, encoding
	case errors.Is(err, io.EOF):
		return domain{}, errors.New("there is no XML")
	case err != nil:
		return domain{}, err
	case strings.HasPrefix(root, ":"):
		return domain{}, fmt.Errorf("its root %q is in a namespace", root[1:])
	case root != "domain":
		return domain{}, fmt.Errorf("its root is %q, not \"domain\"", root)
	}
	return x.domain(), tokens.end()
}

func (x domainXML) domain() domain {
	d := domain{kind: x.Type, name: strings.TrimSpace(first(x.Names)), uuid: strings.TrimSpace(first(x.UUIDs))}
	for _, devices := range x.Devices {
		for _, disk := range devices.Disks {
			d.disks = append(d.disks, disk.disks()...)
		}
		for _, lease := range devices.Leases {
			target := first(lease.Targets)
			d.leases = append(d.leases, explicitLease{first(lease.Lockspaces), first(lease.Keys), target.Path, target.Offset})
		}
	}
	return d
}

// disks are a disk and, while a running guest copies it, what it is copied to:
// libvirt locks that as well.
func (x diskXML) disks() []disk {
	d := disk{
		target: first(x.Targets).Dev, kind: x.Type, device: x.Device, shareable: len(x.Shareable) > 0, transient: len(x.Transient) > 0,
	}
	// The media of a CD-ROM drive are never written.
	d.readOnly = len(x.ReadOnly) > 0 || x.Device == "cdrom"
	d.locate(first(x.Sources))
	list := []disk{d}
	for _, mirror := range x.Mirrors {
		m := disk{target: d.target, kind: mirror.Type, device: d.device}
		m.locate(first(mirror.Sources))
		list = append(list, m)
	}
	return list
}

// locate reads where the disk is. Which attribute counts says the type.
func (d *disk) locate(source sourceXML) {
	switch d.kind {
	case "", "file":
		d.kind, d.path = "file", source.File
	case "block":
		d.path = source.Dev
	case "dir":
		d.path = source.Dir
	case "volume":
		d.pool, d.volume = source.Pool, source.Volume
	}
	d.optional = source.StartupPolicy == "optional"
}

// first is the first of a list, or what is nothing.
func first[T any](list []T) (value T) {
	if len(list) > 0 {
		value = list[0]
	}
	return value
}
