package daemon

import (
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"virtlock/client/api"
	"virtlock/daemon/internal/lockspace"
	"virtlock/daemon/internal/owner"
)

// maxOwnerName is the most bytes of an owner's name.
const maxOwnerName = 255

// ownerRegister answers owner.register.
func (d *Daemon) ownerRegister(c *conn, p api.RegisterParams) (api.RegisterResult, error) {
	if p.Claim != 0 {
		return d.ownerClaim(c, p)
	}
	id := lockspace.Identity{Name: p.Owner.Name, UUID: strings.ToLower(p.Owner.UUID), ID: p.Owner.ID, PID: p.Owner.PID}
	tied := true
	switch p.TiedTo {
	case api.TiedToConnection, "":
	case api.TiedToProcess:
		tied = false
	default:
		return api.RegisterResult{}, invalid("unknown tied_to %q", p.TiedTo)
	}
	if p.Owner.TiedTo != "" {
		return api.RegisterResult{}, invalid("tied_to belongs beside owner, not in it")
	}
	if id.PID == 0 {
		id.PID = c.peer.PID
	}
	if id.Name == "" {
		id.Name = ownerName(owner.Command(id.PID))
	}
	if err := checkIdentity(&id); err != nil {
		return api.RegisterResult{}, err
	}
	if err := c.mayNameOwner(id.PID); err != nil {
		return api.RegisterResult{}, err
	}
	if err := c.registerAs(&id, tied); err != nil {
		return api.RegisterResult{}, err
	}
	return api.RegisterResult{Owner: apiOwner(&id), Client: c.id}, nil
}

// mayNameOwner says whether the client may take locks for a process.
func (c *conn) mayNameOwner(pid int) error {
	if pid == c.peer.PID || c.peer.UID == 0 {
		return nil
	}
	uid, err := owner.UID(pid)
	if err != nil {
		return err
	}
	if uid != c.peer.UID {
		return &deniedError{fmt.Sprintf("process %d belongs to another user", pid), "only root may take locks for it"}
	}
	return nil
}

// ownerName makes a name one that an owner may have: it goes into messages and
// onto terminals.
func ownerName(name string) string {
	name = printable(name)
	if len(name) <= maxOwnerName {
		return name
	}
	end := maxOwnerName
	for !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end]
}

// printable puts U+FFFD for what is no UTF-8 and for control characters.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r // utf8.RuneError for what is not UTF-8
	}, s)
}

// checkIdentity says whether an owner may go by that name and UUID.
func checkIdentity(id *lockspace.Identity) error {
	switch {
	case len(id.Name) > maxOwnerName:
		return invalid("owner name is longer than %d bytes", maxOwnerName)
	case id.Name != ownerName(id.Name):
		return invalid("owner name %q is not valid UTF-8 or has control characters", id.Name)
	case id.UUID != "" && !isUUID(id.UUID):
		return invalid("owner uuid %q is not of the form 01234567-89ab-cdef-0123-456789abcdef", id.UUID)
	case id.PID < 0:
		return invalid("owner pid %d is negative", id.PID)
	}
	return nil
}

func isUUID(s string) bool {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	_, err := hex.DecodeString(s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:])
	return err == nil
}

// uuidText is a UUID in its canonical form; empty for one of zeros.
func uuidText(u [16]byte) string {
	if u == [16]byte{} {
		return ""
	}
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// ownerRestrict answers owner.restrict.
func (d *Daemon) ownerRestrict(c *conn, _ api.Empty) (api.Empty, error) {
	c.restrict()
	return api.Empty{}, nil
}
