package handover

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// maxLibvirt is the largest state that libvirt's daemon reads. Of a larger one
// it says so, after the exec, and ends, with all locks.
const maxLibvirt = 10 << 20

// LibvirtSizeError says that a state is too large for libvirt's daemon.
type LibvirtSizeError struct{ Size int }

func (e *LibvirtSizeError) Error() string {
	return fmt.Sprintf("the state has %d bytes, and libvirt's virtlockd reads at most %d", e.Size, maxLibvirt)
}

// WriteLibvirt writes the state for libvirt's virtlockd, which process pid will
// execute. The clients that FitLibvirt closes are left out, so their descriptors
// must not outlive the exec; those of all others, and of the sockets and locks,
// must. Nothing else of what FitLibvirt objects to is checked. It fails with a
// *LibvirtSizeError before it writes anything; a file that it could not write is
// removed.
func WriteLibvirt(path string, s *State, pid int) error {
	text, err := libvirtText(s, pid)
	if err == nil {
		err = writeLibvirt(path, text)
	}
	if err != nil {
		return fmt.Errorf("write libvirt's state: %w", err)
	}
	return nil
}

func writeLibvirt(path string, text []byte) error {
	const flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC | unix.O_NOFOLLOW
	f, err := os.OpenFile(path, flags, 0o700)
	if err != nil {
		return err
	}
	err = f.Chmod(0o700) // whatever the umask, and whoever made it
	if err == nil {
		_, err = f.Write(text)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(path)
	}
	return err
}

// libvirtText gives the bytes of the file.
func libvirtText(s *State, pid int) ([]byte, error) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(libvirtForm(s, pid)); err != nil {
		return nil, err
	}
	if text.Len() > maxLibvirt {
		return nil, &LibvirtSizeError{text.Len()}
	}
	return text.Bytes(), nil
}

func libvirtForm(s *State, pid int) *libvirtFile {
	f := &libvirtFile{Lockspaces: []libvirtSpace{}, Magic: strconv.Itoa(pid)}
	f.Daemon.Servers.Admin = s.libvirtServer(adminSocket)
	f.Daemon.Servers.Main = s.libvirtServer(mainSocket)
	resources := s.libvirtResources()
	f.Default.Resources = orNone(resources[""])
	for _, space := range s.allSpaces() {
		f.Lockspaces = append(f.Lockspaces, libvirtSpace{space, orNone(resources[space])})
	}
	return f
}

// allSpaces gives the lockspaces, and those that only a lock tells of.
func (s *State) allSpaces() []string {
	spaces := slices.Clone(s.Spaces)
	for _, h := range s.Holds {
		spaces = append(spaces, h.Space)
	}
	slices.Sort(spaces)
	return slices.DeleteFunc(slices.Compact(spaces), func(space string) bool { return space == "" })
}

// orNone makes an empty list of a missing one: null is no list for libvirt.
func orNone[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// libvirtServer gives a server, or nil when there is no socket of it.
func (s *State) libvirtServer(name string) *libvirtServer {
	server := &libvirtServer{
		KeepaliveInterval: 1<<32 - 1, // never: what its own daemon says
		NextClientID:      s.Totals.Client + 1,
		Clients:           []libvirtClient{},
	}
	for _, socket := range s.Sockets {
		if socket.Name != name {
			continue
		}
		server.MaxClients = socket.MaxClients
		server.MaxAnonymous = min(socket.MaxAnonymous, socket.MaxClients) // or it ends
		server.Services = append(server.Services, libvirtService{
			MaxRequests: 1,
			Sockets:     []libvirtSock{{FD: socket.FD, ErrorFD: -1, Unlink: socket.Unlink}},
		})
	}
	if server.Services == nil {
		return nil
	}
	for i := range s.Clients {
		if c := &s.Clients[i]; c.Socket == name && libvirtKeeps(c) {
			server.Clients = append(server.Clients, libvirtClientOf(c))
		}
	}
	return server
}

func libvirtClientOf(c *Client) libvirtClient {
	return libvirtClient{
		ID: c.ID, MaxRequests: 1, Connected: c.Connected / int64(time.Second),
		Sock:    libvirtSock{FD: c.FD, ErrorFD: -1, IsClient: true},
		Private: libvirtPrivateOf(c),
	}
}

// libvirtPrivateOf gives whom a client speaks for. Who has not registered
// becomes one without a process: libvirt's daemon refuses such a client all that
// needs an owner, and lets it register. (Its own unregistered clients have no
// name, and end it.)
func libvirtPrivateOf(c *Client) any {
	if c.Socket == adminSocket {
		return struct{}{}
	}
	r := &libvirtRegistration{Restricted: c.Restricted, UUID: libvirtNoUUID}
	if o := c.owner(); o != nil {
		r.PID, r.ID, r.Name = o.PID, o.ID, o.Name
		if o.UUID != "" {
			r.UUID = o.UUID
		}
	}
	return r
}

// owner gives whom a client speaks for at present, or nil.
func (c *Client) owner() *Owner {
	if len(c.Owners) == 0 {
		return nil
	}
	return &c.Owners[len(c.Owners)-1]
}

// libvirtResources gives the locks of each lockspace: one for each name, with an
// owner for each hold.
func (s *State) libvirtResources() map[string][]*libvirtResource {
	descriptors := s.lockDescriptors()
	spaces := make(map[string][]*libvirtResource)
	known := make(map[lockName]*libvirtResource)
	for i := range s.Holds {
		h := &s.Holds[i]
		r := known[h.lockName()]
		if r == nil {
			r = h.libvirtResource(descriptors[h.Lock])
			known[h.lockName()] = r
			spaces[h.Space] = append(spaces[h.Space], r)
		}
		r.Owners = append(r.Owners, h.Owner.PID)
	}
	return spaces
}

// lockDescriptors gives the descriptor of each lock that has one.
func (s *State) lockDescriptors() map[uint64]int {
	descriptors := make(map[uint64]int)
	for _, h := range s.Holds {
		if h.FD >= 0 {
			descriptors[h.Lock] = h.FD
		}
	}
	return descriptors
}

func (h *Hold) libvirtResource(fd int) *libvirtResource {
	r := &libvirtResource{Name: h.Name, Path: h.lockName().path(), FD: fd, LockHeld: true}
	if h.Shared {
		r.Flags |= libvirtShared
	}
	if h.Autocreate {
		r.Flags |= libvirtAutocreate
	}
	return r
}

// lockName is what tells locks apart for libvirt's daemon.
type lockName struct{ space, name string }

func (h *Hold) lockName() lockName { return lockName{h.Space, h.Name} }

func (n lockName) path() string {
	if n.space == "" {
		return n.name
	}
	return n.space + "/" + n.name
}
