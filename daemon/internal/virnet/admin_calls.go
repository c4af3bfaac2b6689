package virnet

// FlagsArgs is the arguments of AdminConnectOpen, AdminGetLoggingOutputs,
// AdminGetLoggingFilters and AdminDaemonShutdown.
type FlagsArgs struct {
	Flags uint32
}

// ShutdownPreserve is the only flag of AdminDaemonShutdown: keep the state for
// the next start.
const ShutdownPreserve uint32 = 1

// Decode reads the arguments. It fails with ErrPayload.
func (a *FlagsArgs) Decode(payload []byte) error {
	d := NewDecoder(payload)
	a.Flags = d.Uint32()
	return d.Err()
}

// Append appends the arguments.
func (a FlagsArgs) Append(dst []byte) []byte { return AppendUint32(dst, a.Flags) }

// ListServersArgs is the arguments of AdminListServers.
type ListServersArgs struct {
	NeedResults bool // else only the count is asked for
	Flags       uint32
}

// Decode reads the arguments. It fails with ErrPayload.
func (a *ListServersArgs) Decode(payload []byte) error {
	d := NewDecoder(payload)
	a.NeedResults = d.Bool()
	a.Flags = d.Uint32()
	return d.Err()
}

// Append appends the arguments.
func (a ListServersArgs) Append(dst []byte) []byte {
	dst = AppendBool(dst, a.NeedResults)
	return AppendUint32(dst, a.Flags)
}

// ServerArgs is the arguments of AdminLookupServer,
// AdminGetThreadpoolParameters, AdminGetClientLimits and AdminUpdateTLSFiles.
type ServerArgs struct {
	Server string
	Flags  uint32
}

// Decode reads the arguments. It fails with ErrPayload.
func (a *ServerArgs) Decode(payload []byte) error {
	d := NewDecoder(payload)
	a.Server = d.String(MaxString)
	a.Flags = d.Uint32()
	return d.Err()
}

// Append appends the arguments.
func (a ServerArgs) Append(dst []byte) []byte {
	dst = AppendString(dst, a.Server)
	return AppendUint32(dst, a.Flags)
}

// ServerParamsArgs is the arguments of AdminSetThreadpoolParameters and
// AdminSetClientLimits.
type ServerParamsArgs struct {
	Server string
	Params []TypedParam // at most MaxParams
	Flags  uint32
}

// Decode reads the arguments. It fails with ErrPayload.
func (a *ServerParamsArgs) Decode(payload []byte) error {
	d := NewDecoder(payload)
	a.Server = d.String(MaxString)
	a.Params = d.params(MaxParams)
	a.Flags = d.Uint32()
	return d.Err()
}

// Append appends the arguments.
func (a ServerParamsArgs) Append(dst []byte) []byte {
	dst = AppendString(dst, a.Server)
	dst = appendParams(dst, a.Params)
	return AppendUint32(dst, a.Flags)
}

// ListClientsArgs is the arguments of AdminListClients.
type ListClientsArgs struct {
	Server      string
	NeedResults bool // else only the count is asked for
	Flags       uint32
}

// Decode reads the arguments. It fails with ErrPayload.
func (a *ListClientsArgs) Decode(payload []byte) error {
	d := NewDecoder(payload)
	a.Server = d.String(MaxString)
	a.NeedResults = d.Bool()
	a.Flags = d.Uint32()
	return d.Err()
}

// Append appends the arguments.
func (a ListClientsArgs) Append(dst []byte) []byte {
	dst = AppendString(dst, a.Server)
	dst = AppendBool(dst, a.NeedResults)
	return AppendUint32(dst, a.Flags)
}

// LookupClientArgs is the arguments of AdminLookupClient.
type LookupClientArgs struct {
	Server string
	ID     uint64
	Flags  uint32
}

// Decode reads the arguments. It fails with ErrPayload.
func (a *LookupClientArgs) Decode(payload []byte) error {
	d := NewDecoder(payload)
	a.Server = d.String(MaxString)
	a.ID = d.Uint64()
	a.Flags = d.Uint32()
	return d.Err()
}

// Append appends the arguments.
func (a LookupClientArgs) Append(dst []byte) []byte {
	dst = AppendString(dst, a.Server)
	dst = AppendUint64(dst, a.ID)
	return AppendUint32(dst, a.Flags)
}

// ClientArgs is the arguments of AdminClientGetInfo and AdminClientClose. The
// server and the ID of the client say which one is meant.
type ClientArgs struct {
	Client AdminClient
	Flags  uint32
}

// Decode reads the arguments. It fails with ErrPayload.
func (a *ClientArgs) Decode(payload []byte) error {
	d := NewDecoder(payload)
	a.Client = d.client()
	a.Flags = d.Uint32()
	return d.Err()
}

// Append appends the arguments.
func (a ClientArgs) Append(dst []byte) []byte {
	dst = a.Client.Append(dst)
	return AppendUint32(dst, a.Flags)
}

// LoggingArgs is the arguments of AdminSetLoggingOutputs and
// AdminSetLoggingFilters.
type LoggingArgs struct {
	Setting *string // nil to go back to what the daemon started with
	Flags   uint32
}

// Decode reads the arguments. It fails with ErrPayload.
func (a *LoggingArgs) Decode(payload []byte) error {
	d := NewDecoder(payload)
	a.Setting = d.OptionalString(MaxString)
	a.Flags = d.Uint32()
	return d.Err()
}

// Append appends the arguments.
func (a LoggingArgs) Append(dst []byte) []byte {
	dst = AppendOptionalString(dst, a.Setting)
	return AppendUint32(dst, a.Flags)
}

// TimeoutArgs is the arguments of AdminSetDaemonTimeout.
type TimeoutArgs struct {
	Seconds uint32 // 0 for none
	Flags   uint32
}

// Decode reads the arguments. It fails with ErrPayload.
func (a *TimeoutArgs) Decode(payload []byte) error {
	d := NewDecoder(payload)
	a.Seconds = d.Uint32()
	a.Flags = d.Uint32()
	return d.Err()
}

// Append appends the arguments.
func (a TimeoutArgs) Append(dst []byte) []byte {
	dst = AppendUint32(dst, a.Seconds)
	return AppendUint32(dst, a.Flags)
}
