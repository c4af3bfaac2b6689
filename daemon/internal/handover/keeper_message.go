package handover

// keeperVersion is what both ends say that they speak. Each ignores kinds and
// fields that it does not know, so it grows only when that is not enough.
const keeperVersion = 1

// The kinds of messages. First those of the daemon.
const (
	kindHello  = 1  // Version: let me have everything
	kindChange = 2  // Change; from the keeper too: a space, or the totals
	kindAsk    = 3  // Number: what do you keep now?
	kindLetGo  = 4  // drop everything and end
	kindFull   = 11 // that was all that there is; from now on each change is told
)

// Those of the keeper.
const (
	kindWelcome = 5  // Version, PID: you are the daemon
	kindTaken   = 6  // PID: no, that one is
	kindHold    = 7  // Hold, with its lock's descriptor for the first one
	kindEnded   = 8  // Hold, whose owner is gone
	kindAll     = 9  // that was everything; Number is complete if the daemon had said kindFull
	kindKept    = 10 // Number, Kept: the answer to kindAsk
)

// complete is the number of kindAll when nothing is missing.
const complete = 1

// message is what daemon and keeper tell each other: one packet of the socket
// between them.
type message struct {
	Kind    uint64
	Version uint64
	PID     int
	Change  *Change
	Hold    string // a record that the keeper has not looked into
	Number  uint64
	Kept    *Kept
}

// Kept is what a keeper keeps.
type Kept struct {
	Locks, Holds int
	// Ended are the holds whose owners are gone and that were not dropped yet.
	Ended int
	// Lost are the messages that it could not understand, or whose descriptor it
	// had no number left for.
	Lost int
}

func (m *message) append(b []byte) []byte {
	b = appendNumber(b, 1, m.Kind)
	b = appendNumber(b, 2, m.Version)
	b = appendNumber(b, 3, uint64(m.PID))
	if m.Change != nil {
		b = appendRecord(b, 4, m.Change.append)
	}
	b = appendBytes(b, 5, m.Hold)
	b = appendNumber(b, 6, m.Number)
	if m.Kept != nil {
		b = appendRecord(b, 7, m.Kept.append)
	}
	return b
}

// read reads a message that append has made.
func (m *message) read(b []byte) error {
	return readFields(b, func(f field) error {
		switch f.number {
		case 1:
			m.Kind = f.n
		case 2:
			m.Version = f.n
		case 3:
			m.PID = int(f.n)
		case 4:
			m.Change = new(Change)
			return m.Change.read(f.bytes)
		case 5:
			m.Hold = f.text()
		case 6:
			m.Number = f.n
		case 7:
			m.Kept = new(Kept)
			return m.Kept.read(f.bytes)
		}
		return nil
	})
}

func (k *Kept) append(b []byte) []byte {
	b = appendNumber(b, 1, uint64(k.Locks))
	b = appendNumber(b, 2, uint64(k.Holds))
	b = appendNumber(b, 3, uint64(k.Ended))
	return appendNumber(b, 4, uint64(k.Lost))
}

func (k *Kept) read(b []byte) error {
	return readFields(b, func(f field) error {
		switch f.number {
		case 1:
			k.Locks = int(f.n)
		case 2:
			k.Holds = int(f.n)
		case 3:
			k.Ended = int(f.n)
		case 4:
			k.Lost = int(f.n)
		}
		return nil
	})
}
