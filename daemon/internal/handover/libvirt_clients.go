package handover

import (
	"regexp"
	"strings"
)

// maxClientID is the largest number of a client that stays: JSON's readers keep
// no more digits (RFC 8259, 6).
const maxClientID = 1 << 53

// numberClients gives new numbers to the clients that have another's, or none:
// libvirt's two servers count on their own.
func (r *libvirtReader) numberClients() {
	clients, last := r.state.Clients, &r.state.Totals.Client
	for i := range clients {
		*last = max(*last, clients[i].ID)
	}
	taken := make(map[uint64]bool)
	for i := range clients {
		c := &clients[i]
		if c.ID == 0 || taken[c.ID] {
			*last++
			c.ID = *last
		}
		taken[c.ID] = true
	}
}

// indexOwners keeps who registered for which process: the locks name only the
// process.
func (r *libvirtReader) indexOwners() {
	r.owners = make(map[int]libvirtOwner)
	for _, c := range r.state.Clients {
		for _, o := range c.Owners {
			if _, known := r.owners[o.PID]; !known {
				r.owners[o.PID] = libvirtOwner{o, c.ID}
			}
		}
	}
}

// ownerOf gives what is known of a process.
func (r *libvirtReader) ownerOf(pid int) libvirtOwner {
	if o, known := r.owners[pid]; known {
		return o
	}
	return libvirtOwner{owner: Owner{PID: pid}}
}

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// canonicalUUID gives a UUID in lower case, or nothing when it is none.
func canonicalUUID(uuid string) string {
	uuid = strings.ToLower(uuid)
	if uuid == libvirtNoUUID || !uuidForm.MatchString(uuid) {
		return ""
	}
	return uuid
}
