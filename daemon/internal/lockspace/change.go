package lockspace

// Kind says what changed.
type Kind uint8

// The kinds of changes.
const (
	Acquired     Kind = iota // a holder was added
	Released                 // a holder is gone; Reason says why
	Refused                  // a call ended without its locks; Busy says why
	Waiting                  // a call began to wait; Busy says for what
	SpaceCreated             // a lockspace was made
	FileKept                 // an autocreated file could not be removed; Err says why
)

// Reason says why a holder is gone.
type Reason uint8

// The reasons.
const (
	Asked            Reason = iota // its owner asked for it
	OwnerExited                    // its owner's process ended
	ConnectionClosed               // the connection it was tied to closed
	Forced                         // somebody else took it away
)

// Change is one change of the table. Fields that do not belong to its kind are
// zero.
type Change struct {
	Kind   Kind
	Name   Name
	Mode   Mode
	Holder Holder
	Reason Reason
	// By is the connection whose call brought it about; 0 when nobody asked.
	By   uint64
	Busy *BusyError
	Err  error
}

// cause is why a hold changed, and whose call it was.
type cause struct {
	why Reason
	by  uint64
}

func (t *Table) changedLocked(k Kind, r *resource, h Holder, c cause) {
	t.observe(Change{Kind: k, Name: r.fullName(), Mode: r.mode, Holder: h, Reason: c.why, By: c.by})
}
