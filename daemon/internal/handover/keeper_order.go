package handover

// order is a message of the daemon, as the keeper reads it: of a hold no more
// than it has to know, for it makes nothing of the rest and shall not make
// garbage of it either.
type order struct {
	kind   uint64
	number uint64
	hold   keptRecord
	drop   uint64
	drops  []uint64 // Change.Drops
	space  []byte
	totals Totals
}

// keptRecord is a hold's record and what the keeper has to know of it.
type keptRecord struct {
	raw      []byte // nil when there is no hold
	id, lock uint64
	device   uint64
	pid      int
	start    uint64
	last     uint64 // Hold.Last
}

// read reads a message of the daemon: message and Change say what its fields
// mean. Its texts are parts of b.
func (o *order) read(b []byte) error {
	return readFields(b, func(f field) error {
		switch f.number {
		case 1:
			o.kind = f.n
		case 4:
			return o.readChange(f.bytes)
		case 6:
			o.number = f.n
		}
		return nil
	})
}

func (o *order) readChange(b []byte) error {
	return readFields(b, func(f field) error {
		switch f.number {
		case 1:
			o.hold.raw = f.bytes
			return o.hold.read(f.bytes)
		case 2:
			o.drop = f.n
		case 3:
			o.space = f.bytes
		case 4:
			return o.totals.read(f.bytes)
		case 6:
			o.drops = append(o.drops, f.n)
		}
		return nil
	})
}

func (r *keptRecord) read(b []byte) error {
	return readFields(b, func(f field) error {
		switch f.number {
		case 1:
			r.id = f.n
		case 2:
			r.lock = f.n
		case 8:
			r.device = f.n
		case 11:
			return r.readOwner(f.bytes)
		case 15:
			r.last = f.n
		}
		return nil
	})
}

func (r *keptRecord) readOwner(b []byte) error {
	return readFields(b, func(f field) error {
		switch f.number {
		case 4:
			r.pid = int(f.n)
		case 5:
			r.start = f.n
		}
		return nil
	})
}
