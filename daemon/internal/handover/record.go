package handover

// Hold is one hold on a lock. Several holds may be on one lock, which is one
// descriptor.
type Hold struct {
	// ID numbers all holds of a daemon and those after it, Lock all locks.
	ID, Lock uint64
	// FD is the descriptor that the kernel's lock is on; -1 where there is
	// none, in the journal, or where it is another hold's of the same lock.
	FD int

	Space, Name        string
	Shared, Autocreate bool
	File               File

	Owner  Owner
	Client uint64 // the connection that took it
	Since  int64  // nanoseconds since 1970

	// Missing is not empty when the kernel's lock could not be had again, and
	// says why: somebody else took it while no daemon lived. With an FD it may be
	// held in a weaker mode than it should.
	Missing string

	// Last is the ID of the last hold of a call that asked for several, in each of
	// them: all are granted or none, so until that one has come none counts. 0 for
	// a call for one, and for what was granted long ago.
	Last uint64
}

// File is which file a lock is on, as package filelock tells files apart.
type File struct {
	Device, Inode uint64 // Inode is 0 for a block device
	Node          uint64 // the inode that the kernel's lock is on
}

// Owner is who holds a lock, or asks for one.
type Owner struct {
	Name, UUID string
	ID         uint32 // libvirt's number of the guest
	PID        int
	Start      uint64 // when the process started, in clock ticks since the boot
	// Tie is 0 for a process. Otherwise the locks go with a connection too, and
	// Tie numbers who owned what through it.
	Tie uint64
	// Gone says that its process had ended, and that this was told.
	Gone bool
}

// Totals are what a daemon counts on from its predecessor's figures.
type Totals struct {
	Seq      uint64 // of the latest event
	Client   uint64 // the latest connection
	Hold     uint64 // the latest hold's ID
	Lock     uint64 // the latest lock's
	Tie      uint64 // the latest tie
	Granted  uint64
	Refused  uint64
	Released uint64
}

// Max takes the larger one of each figure.
func (t *Totals) Max(o Totals) {
	t.Seq, t.Client = max(t.Seq, o.Seq), max(t.Client, o.Client)
	t.Hold, t.Lock, t.Tie = max(t.Hold, o.Hold), max(t.Lock, o.Lock), max(t.Tie, o.Tie)
	t.Granted, t.Refused, t.Released = max(t.Granted, o.Granted), max(t.Refused, o.Refused), max(t.Released, o.Released)
}

func (o *Owner) append(b []byte) []byte {
	b = appendBytes(b, 1, o.Name)
	b = appendBytes(b, 2, o.UUID)
	b = appendNumber(b, 3, uint64(o.ID))
	b = appendNumber(b, 4, uint64(o.PID))
	b = appendNumber(b, 5, o.Start)
	b = appendNumber(b, 6, o.Tie)
	return appendFlag(b, 7, o.Gone)
}

func (o *Owner) read(b []byte) error {
	return readFields(b, func(f field) error {
		switch f.number {
		case 1:
			o.Name = f.text()
		case 2:
			o.UUID = f.text()
		case 3:
			o.ID = uint32(f.n)
		case 4:
			o.PID = int(f.n)
		case 5:
			o.Start = f.n
		case 6:
			o.Tie = f.n
		case 7:
			o.Gone = f.flag()
		}
		return nil
	})
}

func (h *Hold) append(b []byte) []byte {
	b = appendNumber(b, 1, h.ID)
	b = appendNumber(b, 2, h.Lock)
	b = appendFD(b, 3, h.FD)
	b = appendBytes(b, 4, h.Space)
	b = appendBytes(b, 5, h.Name)
	b = appendFlag(b, 6, h.Shared)
	b = appendFlag(b, 7, h.Autocreate)
	b = appendNumber(b, 8, h.File.Device)
	b = appendNumber(b, 9, h.File.Inode)
	b = appendNumber(b, 10, h.File.Node)
	b = appendRecord(b, 11, h.Owner.append)
	b = appendNumber(b, 12, h.Client)
	b = appendNumber(b, 13, uint64(h.Since))
	b = appendBytes(b, 14, h.Missing)
	return appendNumber(b, 15, h.Last)
}

func (h *Hold) read(b []byte) error {
	h.FD = -1
	return readFields(b, func(f field) error {
		switch f.number {
		case 1:
			h.ID = f.n
		case 2:
			h.Lock = f.n
		case 3:
			h.FD = f.fd()
		case 4:
			h.Space = f.text()
		case 5:
			h.Name = f.text()
		case 6:
			h.Shared = f.flag()
		case 7:
			h.Autocreate = f.flag()
		case 8:
			h.File.Device = f.n
		case 9:
			h.File.Inode = f.n
		case 10:
			h.File.Node = f.n
		case 11:
			return h.Owner.read(f.bytes)
		case 12:
			h.Client = f.n
		case 13:
			h.Since = int64(f.n)
		case 14:
			h.Missing = f.text()
		case 15:
			h.Last = f.n
		}
		return nil
	})
}

func (t *Totals) append(b []byte) []byte {
	for i, n := range []*uint64{&t.Seq, &t.Client, &t.Hold, &t.Lock, &t.Tie, &t.Granted, &t.Refused, &t.Released} {
		b = appendNumber(b, i+1, *n)
	}
	return b
}

func (t *Totals) read(b []byte) error {
	figures := []*uint64{&t.Seq, &t.Client, &t.Hold, &t.Lock, &t.Tie, &t.Granted, &t.Refused, &t.Released}
	return readFields(b, func(f field) error {
		if f.number <= len(figures) {
			*figures[f.number-1] = f.n
		}
		return nil
	})
}
