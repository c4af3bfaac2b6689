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
	// Drops are the IDs of more holds that are given back with Drop, all of one call.
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
	for _, id := range c.Drops {
		b = appendNumber(b, 6, id)
	}
	return b
}

// dropped calls f with the ID of each hold that is given back. They go together or
// not at all, as they came.
func dropped(first uint64, more []uint64, f func(id uint64)) {
	f(first) // 0 is no hold's
	for _, id := range more {
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
		case 6:
			c.Drops = append(c.Drops, f.n)
		}
		return nil
	})
}
