package handover

// Change is one step of a daemon's state, as the journal and the keeper get it.
// What does not belong to the step is zero.
type Change struct {
	// Hold is granted soon. It comes with its lock's descriptor, also when others
	// hold the lock already: the keeper may see all of them end before this one
	// comes, and have closed the descriptor it had.
	Hold *Hold
	// Drop is the ID of a hold that is given back.
	Drop uint64
	// From is the ID of the first hold when Drop is the last of several, all of one
	// call: they go together or not at all, as they came. 0 when it is one.
	From uint64
	// Drops are the IDs of more holds that are given back with Drop.
	Drops []uint64
	// Space is the directory of a lockspace that was made.
	Space string
	// Totals are the figures after the step.
	Totals Totals
}

// append appends the change as a record.
func (c *Change) append(b []byte) []byte {
	if c.Hold != nil {
		b = appendRecord(b, 1, c.Hold.append)
	}
	b = appendNumber(b, 2, c.Drop)
	b = appendBytes(b, 3, c.Space)
	b = appendRecord(b, 4, c.Totals.append)
	b = appendNumber(b, 5, c.From)
	for _, id := range c.Drops {
		b = appendNumber(b, 6, id)
	}
	return b
}

// mostHolds of one call is a bound against a record that makes no sense.
const mostHolds = 1 << 16

// dropped calls f with the ID of each hold that is given back.
func dropped(from, last uint64, f func(id uint64)) {
	if from == 0 || from > last || last-from > mostHolds {
		from = last
	}
	for id := from; id <= last; id++ {
		f(id)
	}
}

// read reads a record that append has made.
func (c *Change) read(b []byte) error {
	return readFields(b, func(f field) error {
		switch f.number {
		case 1:
			c.Hold = new(Hold)
			return c.Hold.read(f.bytes)
		case 2:
			c.Drop = f.n
		case 3:
			c.Space = f.text()
		case 4:
			return c.Totals.read(f.bytes)
		case 5:
			c.From = f.n
		case 6:
			c.Drops = append(c.Drops, f.n)
		}
		return nil
	})
}
