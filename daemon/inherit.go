package daemon

import (
	"fmt"
	"io"
	"net"
	"os"

	"virtlock/daemon/internal/handover"
	"virtlock/daemon/internal/logging"
)

// Inherited is what a former program of this very process has left to it: by a
// re-exec, of ours or of libvirt's daemon.
type Inherited struct {
	state   *handover.State
	source  source
	settled func() // is called when all is taken over
}

// Inherit finds out what a former program has left; nil when nothing is.
// libvirtState is where libvirt's daemon leaves its state. An error comes beside
// what could be told in spite of it.
func Inherit(libvirtState string) (*Inherited, error) {
	settled := handover.HurryUp()
	left, err := inherit(libvirtState)
	if left == nil {
		settled()
		return nil, err
	}
	left.settled = settled
	return left, err
}

// settle lets go of what is taken over by now.
func (i *Inherited) settle() {
	if i == nil {
		return
	}
	i.state = new(handover.State)
	i.settled()
}

func inherit(libvirtState string) (*Inherited, error) {
	s, err := handover.TakeState()
	if s != nil || err != nil {
		return inherited(s, fromExec), err
	}
	s, err = handover.TakeLibvirt(libvirtState)
	if s != nil {
		handover.KeepToOurselves()
	}
	return inherited(s, fromLibvirt), err
}

func inherited(s *handover.State, from source) *Inherited {
	if s == nil {
		return nil
	}
	return &Inherited{state: s, source: from}
}

// DryRun reads states and says whether this program could take them over: it is
// what a daemon runs of its successor before it gives way. See the option
// --dry-run of virtlockd.
func DryRun(in io.Reader, out io.Writer) error { return handover.DryRun(in, out) }

// RunKeeper is the main function of a keeper, virtlockd --keeper: see package
// handover. The daemon starts it.
func RunKeeper() error { return handover.RunKeeper(keeperListener) }

// keeperListener is the descriptor of the socket that a keeper listens on.
const keeperListener = 3

// FromLibvirt reports whether it is libvirt's daemon that has left it.
func (i *Inherited) FromLibvirt() bool { return i.source == fromLibvirt }

// Listener gives a socket, "main" or "admin", and whether its file is the
// daemon's to remove. nil when there is none.
func (i *Inherited) Listener(name string) (l *net.UnixListener, unlink bool, err error) {
	for _, s := range i.state.Sockets {
		if s.Name != name || s.FD < 0 {
			continue
		}
		f := os.NewFile(uintptr(s.FD), "socket")
		defer f.Close() // the listener has a duplicate
		l, err := net.FileListener(f)
		if err != nil {
			return nil, false, err
		}
		socket, ok := l.(*net.UnixListener)
		if !ok {
			l.Close()
			return nil, false, fmt.Errorf("descriptor %d is no UNIX stream socket", s.FD)
		}
		socket.SetUnlinkOnClose(false)
		return socket, s.Unlink, nil
	}
	return nil, false, nil
}

// File gives a descriptor that the former program named in Image.Files; nil when
// it did not.
func (i *Inherited) File(name string) *os.File {
	for _, f := range i.state.Files {
		if f.Name == name && f.FD >= 0 {
			return os.NewFile(uintptr(f.FD), name)
		}
	}
	return nil
}

// Program gives the file that the former program found this one at; "" when it did
// not say.
func (i *Inherited) Program() string { return i.Note(programNote) }

// Note gives what the former program noted in Image.Notes.
func (i *Inherited) Note(name string) string {
	for _, n := range i.state.Notes {
		if n.Name == name {
			return n.Value
		}
	}
	return ""
}

// Settings gives the settings as they were at last, and reports whether the former
// program knew them: libvirt's tells only the limits. One of ours that kept no history
// yet has an AuditMaxSize of 0.
func (i *Inherited) Settings() (s Settings, known bool) {
	h := i.state.Settings
	return Settings{
		LogLevel: h.LogLevel, LogFilters: h.LogFilters, LogOutputs: h.LogOutputs,
		MaxClients: h.MaxClients, AdminMaxClients: h.AdminMaxClients,
		AuditFile: h.AuditFile, AuditMaxSize: int(h.AuditMaxSize), AuditFiles: h.AuditFiles,
	}, h.LogLevel >= int(logging.Debug)
}
