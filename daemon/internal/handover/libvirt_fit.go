package handover

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// LibvirtFit is what libvirt's virtlockd cannot take over of a state.
type LibvirtFit struct {
	// Closing are the clients that have to be closed, which harms nobody and
	// which they see.
	Closing []uint64
	// Objections, a sentence each, are why the state should not be handed over.
	Objections []string
	// Passing says that all of them may be gone in a moment.
	Passing bool
}

// FitLibvirt looks at a state whose descriptors are open in this process.
func FitLibvirt(s *State) LibvirtFit {
	f := &libvirtFit{
		json: make(map[uint64]bool), ends: make(map[int]bool), descriptors: s.lockDescriptors(),
		names: make(map[uint64]lockName), locks: make(map[lockName]uint64),
	}
	for i := range s.Clients {
		f.client(&s.Clients[i])
	}
	for i := range s.Holds {
		h := &s.Holds[i]
		if reason := f.hold(h); reason != "" {
			f.object("the lock %q of %s %s", h.lockName().path(), h.Owner.words(), reason)
		}
	}
	for _, space := range s.Spaces {
		if reason := badLibvirtPath(space); reason != "" {
			f.object("the lockspace %q %s", space, reason)
		}
	}
	for _, e := range s.Fences {
		f.object("process %d is being ended: wait until it is gone", e.PID)
	}
	var size *LibvirtSizeError
	if _, err := libvirtText(s, s.PID); errors.As(err, &size) {
		f.object("%v", size)
	}
	return LibvirtFit{f.closing, f.objections, f.passing == len(f.objections)}
}

// libvirtFit collects what does not fit.
type libvirtFit struct {
	json        map[uint64]bool     // the connections that speak JSON
	ends        map[int]bool        // the processes whose end libvirt's daemon notices
	descriptors map[uint64]int      // of the locks
	names       map[uint64]lockName // of the locks
	locks       map[lockName]uint64
	closing     []uint64
	objections  []string
	passing     int // of objections
}

func (f *libvirtFit) object(format string, args ...any) {
	f.objections = append(f.objections, fmt.Sprintf(format, args...))
}

// words names an owner in a sentence.
func (o *Owner) words() string {
	if o.Name == "" {
		return fmt.Sprintf("process %d", o.PID)
	}
	return fmt.Sprintf("%q (process %d)", o.Name, o.PID)
}

func (f *libvirtFit) client(c *Client) {
	f.json[c.ID] = c.Protocol != libvirtProtocol && c.Protocol != ""
	if !libvirtKeeps(c) {
		f.closing = append(f.closing, c.ID)
		return
	}
	o := c.owner()
	if o == nil {
		return
	}
	if c.pending() {
		f.object("client %d, for %s, is in the middle of a message", c.ID, o.words())
		f.passing++
	}
	if reason := badLibvirtText(o.Name); reason != "" {
		f.object("the name of client %d, %q, %s", c.ID, o.Name, reason)
	}
	if peerPID(c.FD) == o.PID {
		f.ends[o.PID] = true
	}
}

// libvirtKeeps reports whether libvirt's daemon can go on with a client: with
// all that speak its protocol, or have not said anything. One in the middle of a
// message is lost, which harms nobody who has not registered.
func libvirtKeeps(c *Client) bool {
	if c.Protocol != libvirtProtocol && c.Protocol != "" {
		return false
	}
	return c.Socket == mainSocket && len(c.Owners) > 0 || !c.pending()
}

// pending reports whether the connection is in the middle of a message.
func (c *Client) pending() bool {
	return len(c.In) > 0 || len(c.Out) > 0 || c.Skipped > 0 || c.TooLong
}

// hold gives the reason why a hold cannot be handed over, or nothing.
func (f *libvirtFit) hold(h *Hold) string {
	if reason := badLibvirtHold(h); reason != "" {
		return reason
	}
	if _, open := f.descriptors[h.Lock]; !open {
		return "has no descriptor"
	}
	if first := firstOf(f.names, h.Lock, h.lockName()); first != h.lockName() {
		// libvirt's daemon closes the descriptor at the release of either name.
		return fmt.Sprintf("is held as %q too: release one of them", first.path())
	}
	if firstOf(f.locks, h.lockName(), h.Lock) != h.Lock {
		return "is held on two files"
	}
	switch {
	case h.Owner.Tie != 0:
		return "is tied to a connection, which libvirt's virtlockd cannot do"
	case f.json[h.Client]:
		return fmt.Sprintf("was taken by client %d, whose protocol libvirt's virtlockd does not speak", h.Client)
	case !f.ends[h.Owner.PID]:
		return "would stay when the process ends: it has no connection of its own to libvirt's virtlockd"
	}
	return ""
}

// firstOf gives the first value that a key was seen with.
func firstOf[K, V comparable](firsts map[K]V, key K, value V) V {
	if first, known := firsts[key]; known {
		return first
	}
	firsts[key] = value
	return value
}

// badLibvirtHold says what in the hold itself cannot be handed over.
func badLibvirtHold(h *Hold) string {
	switch {
	case h.Missing != "":
		return "is not held: " + h.Missing
	case h.Space == "":
		return badLibvirtPath(h.Name)
	}
	if reason := badLibvirtPath(h.Space); reason != "" {
		return reason
	}
	return badLibvirtText(h.Name)
}

// badLibvirtPath says why libvirt's daemon would misread a path: it takes it
// relative to where it happens to run.
func badLibvirtPath(p string) string {
	if !path.IsAbs(p) {
		return "is not an absolute path"
	}
	return badLibvirtText(p)
}

// badLibvirtText says why libvirt's daemon would misread a text: it ends when
// its state is not UTF-8, and what it reads ends at a NUL.
func badLibvirtText(s string) string {
	switch {
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	case strings.Contains(s, "\x00"):
		return "has a NUL in it"
	}
	return ""
}

// peerPID is the process at the other end of a connection, or 0. When it closes,
// libvirt's daemon frees the locks of that process, and of no other.
func peerPID(fd int) int {
	peer, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0
	}
	return int(peer.Pid)
}
