package virnet

// Flags of Acquire.
const (
	AcquireShared     uint32 = 1 // beside other shared holders
	AcquireAutocreate uint32 = 2 // create the file, and remove it at the last release
)

// Register is the arguments of ProcRegister: whom the connection speaks for.
type Register struct {
	UUID  [16]byte
	Name  string
	ID    uint32 // the number libvirt gave the running guest
	PID   uint32
	Flags uint32
}

// Decode reads the arguments. It fails with ErrPayload.
func (a *Register) Decode(payload []byte) error {
	d := NewDecoder(payload)
	a.UUID = d.UUID()
	a.Name = d.String(MaxLockString)
	a.ID = d.Uint32()
	a.PID = d.Uint32()
	a.Flags = d.Uint32()
	return d.Err()
}

// Append appends the arguments.
func (a Register) Append(dst []byte) []byte {
	dst = append(dst, a.UUID[:]...)
	dst = AppendString(dst, a.Name)
	dst = AppendUint32(dst, a.ID)
	dst = AppendUint32(dst, a.PID)
	return AppendUint32(dst, a.Flags)
}

// Restrict is the arguments of ProcRestrict.
type Restrict = FlagsArgs

// New is the arguments of ProcNew.
type New struct {
	Path  string
	Flags uint32
}

// Decode reads the arguments. It fails with ErrPayload.
func (a *New) Decode(payload []byte) error {
	d := NewDecoder(payload)
	a.Path = d.String(MaxLockString)
	a.Flags = d.Uint32()
	return d.Err()
}

// Append appends the arguments.
func (a New) Append(dst []byte) []byte {
	dst = AppendString(dst, a.Path)
	return AppendUint32(dst, a.Flags)
}

// CreateLockspace is the arguments of ProcCreateLockspace. It has no flags.
type CreateLockspace struct {
	Path string
}

// Decode reads the arguments. It fails with ErrPayload.
func (a *CreateLockspace) Decode(payload []byte) error {
	d := NewDecoder(payload)
	a.Path = d.String(MaxLockString)
	return d.Err()
}

// Append appends the arguments.
func (a CreateLockspace) Append(dst []byte) []byte {
	return AppendString(dst, a.Path)
}

// Resource is the arguments of the four calls that name a resource.
type Resource struct {
	Path  string // the lockspace, empty for the default one
	Name  string
	Flags uint32
}

// The calls that name a resource. Only Acquire knows flags.
type (
	CreateResource = Resource // the arguments of ProcCreateResource
	DeleteResource = Resource // the arguments of ProcDeleteResource
	Acquire        = Resource // the arguments of ProcAcquire
	Release        = Resource // the arguments of ProcRelease
)

// Decode reads the arguments. It fails with ErrPayload.
func (a *Resource) Decode(payload []byte) error {
	d := NewDecoder(payload)
	a.Path = d.String(MaxLockString)
	a.Name = d.String(MaxLockString)
	a.Flags = d.Uint32()
	return d.Err()
}

// Append appends the arguments.
func (a Resource) Append(dst []byte) []byte {
	dst = AppendString(dst, a.Path)
	dst = AppendString(dst, a.Name)
	return AppendUint32(dst, a.Flags)
}
