package handover

import (
	"errors"
	"fmt"
)

// Format is the version of the state that this program writes, and the newest
// that it reads. It grows when an older program would misunderstand what is
// written, not when it would miss something.
const Format = 1

// State is all that a daemon hands to its successor. What a predecessor could not
// tell is zero: one that crashed has no clients any more.
type State struct {
	// PID is the process that wrote it, which is the one that reads it: an
	// exec keeps the number.
	PID     int
	Program string // the version that wrote it
	Started int64  // when the first of the programs did, nanoseconds since 1970

	Totals   Totals
	Spaces   []string // without the direct one
	Holds    []Hold
	Clients  []Client
	Waits    []Wait // in the order in which they came
	Callers  []Caller
	Fences   []Fence
	Forced   []Forced
	Sockets  []Socket
	Files    []NamedFile
	Notes    []Note
	Settings Settings
}

// Client is a connection.
type Client struct {
	ID         uint64
	FD         int
	Socket     string // Socket.Name of where it came in
	Connected  int64  // nanoseconds since 1970
	Protocol   string // empty before its first byte
	Restricted bool
	// In was read and not worked on, Out is still to be written.
	In, Out []byte
	// TooLong says that In's line is passed over, Skipped how much of In's
	// message was thrown away.
	TooLong bool
	Skipped int
	// Owners are those that it registered for: the last is the present one, the
	// former ones have calls that wait or locks.
	Owners       []Owner
	Subscription *Subscription
}

// Subscription is what a client wants to be told.
type Subscription struct {
	Types   []string
	Waiting [][]byte // events, as JSON
	Lost    []byte   // the event that stands for those dropped, as JSON
}

// Wait is a call that waits for locks.
type Wait struct {
	Client    uint64
	Request   []byte // its id, as JSON
	Owner     int    // index in the client's Owners
	Resources []Resource
	Since     int64 // nanoseconds since 1970
	Deadline  int64 // likewise; 0 when it waits for ever
}

// Resource is a lock that is wanted.
type Resource struct {
	Space, Name        string
	Shared, Autocreate bool
}

// Caller is a client that wants to hear when the successor serves.
type Caller struct {
	Client  uint64
	Request []byte // its id, as JSON
}

// Fence is a process that is being ended: it was asked to, and will be killed.
type Fence struct {
	PID       int
	Start     uint64 // when the process started, in clock ticks since the boot
	KillAt    int64  // nanoseconds since 1970; 0 when it was killed already
	GiveUpAt  int64  // when it is reported that it cannot be killed, likewise
	Client    uint64 // who asked for it
	ClientPID int
	Reason    string
}

// Forced is a lock that was taken by force from an owner that lives.
type Forced struct {
	PID         int
	Start       uint64 // when the owner's process started, in clock ticks since the boot
	Space, Name string
	Time        int64  // nanoseconds since 1970
	Client      uint64 // who did it
	ClientPID   int
	ClientUID   int
	Command     string
	Reason      string
}

// Socket is one that the daemon listens on.
type Socket struct {
	Name string // "main" or "admin"
	FD   int
	// Unlink says that the daemon has to remove the socket's file at its end.
	Unlink                   bool
	MaxClients, MaxAnonymous int
}

// NamedFile is a descriptor that the program around the daemon wants to find again.
type NamedFile struct {
	Name string
	FD   int
}

// Note is what the program around the daemon wants to find again.
type Note struct{ Name, Value string }

// Settings are the settings as they were at last, whoever had changed them.
type Settings struct {
	LogLevel                    int
	LogFilters, LogOutputs      string
	MaxClients, AdminMaxClients int
	IdleTimeout                 int64 // nanoseconds
	// AuditMaxSize is 0 when a program wrote it that kept no history.
	AuditFile    string
	AuditMaxSize int64
	AuditFiles   int
}

// FormatError says that a state is newer than this program.
type FormatError struct{ Format int }

func (e *FormatError) Error() string {
	return fmt.Sprintf("the state has format %d, and this program reads up to format %d", e.Format, Format)
}

// ErrNoState says that bytes are no state at all.
var ErrNoState = errors.New("no state of a lock daemon")

// stateMagic begins every state.
const stateMagic = "virtlockd state\n"

// Append appends the state.
func (s *State) Append(b []byte) []byte {
	b = append(b, stateMagic...)
	b = appendNumber(b, 1, Format)
	b = appendNumber(b, 2, uint64(s.PID))
	b = appendBytes(b, 3, s.Program)
	b = appendNumber(b, 4, uint64(s.Started))
	b = appendRecord(b, 5, s.Totals.append)
	for _, space := range s.Spaces {
		b = appendElement(b, 6, space)
	}
	b = appendAll(b, 7, s.Holds, (*Hold).append)
	b = appendAll(b, 8, s.Clients, (*Client).append)
	b = appendAll(b, 9, s.Waits, (*Wait).append)
	b = appendAll(b, 10, s.Callers, (*Caller).append)
	b = appendAll(b, 11, s.Sockets, (*Socket).append)
	b = appendAll(b, 12, s.Files, (*NamedFile).append)
	b = appendAll(b, 13, s.Notes, (*Note).append)
	b = appendRecord(b, 14, s.Settings.append)
	b = appendAll(b, 15, s.Fences, (*Fence).append)
	return appendAll(b, 16, s.Forced, (*Forced).append)
}

// ReadState reads a state. It fails with ErrNoState, a *FormatError or an error
// that wraps ErrMalformed.
func ReadState(b []byte) (*State, error) {
	if len(b) < len(stateMagic) || string(b[:len(stateMagic)]) != stateMagic {
		return nil, ErrNoState
	}
	s := new(State)
	format := 0
	err := readFields(b[len(stateMagic):], func(f field) error {
		if f.number == 1 {
			if format = int(f.n); format > Format {
				return &FormatError{format}
			}
		}
		return s.readField(f)
	})
	if err == nil && format == 0 {
		err = ErrNoState
	}
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	return s, nil
}

func (s *State) readField(f field) error {
	switch f.number {
	case 2:
		s.PID = int(f.n)
	case 3:
		s.Program = f.text()
	case 4:
		s.Started = int64(f.n)
	case 5:
		return s.Totals.read(f.bytes)
	case 6:
		s.Spaces = append(s.Spaces, f.text())
	case 7:
		return readElement(&s.Holds, f, (*Hold).read)
	case 8:
		return readElement(&s.Clients, f, (*Client).read)
	case 9:
		return readElement(&s.Waits, f, (*Wait).read)
	case 10:
		return readElement(&s.Callers, f, (*Caller).read)
	case 11:
		return readElement(&s.Sockets, f, (*Socket).read)
	case 12:
		return readElement(&s.Files, f, (*NamedFile).read)
	case 13:
		return readElement(&s.Notes, f, (*Note).read)
	case 14:
		return s.Settings.read(f.bytes)
	case 15:
		return readElement(&s.Fences, f, (*Fence).read)
	case 16:
		return readElement(&s.Forced, f, (*Forced).read)
	}
	return nil
}

// appendAll appends each element of a list as a record.
func appendAll[T any](b []byte, field int, list []T, write func(*T, []byte) []byte) []byte {
	for i := range list {
		b = appendRecord(b, field, func(b []byte) []byte { return write(&list[i], b) })
	}
	return b
}

// readElement reads one more element of a list.
func readElement[T any](list *[]T, f field, read func(*T, []byte) error) error {
	var element T
	err := read(&element, f.bytes)
	*list = append(*list, element)
	return err
}
