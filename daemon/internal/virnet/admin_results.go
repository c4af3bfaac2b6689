package virnet

// AdminClient is a connection of a client as the admin program names it.
type AdminClient struct {
	Server    string
	ID        uint64
	Connected int64 // seconds since 1970
	Transport Transport
}

// Transport says how a client is connected.
type Transport uint32

// The transports.
const (
	TransportUnix Transport = 0
	TransportTCP  Transport = 1
	TransportTLS  Transport = 2
)

// minClient is the size on the wire of a client whose server has no name.
const minClient = wordSize + 8 + 8 + wordSize

// Append appends the client.
func (c AdminClient) Append(dst []byte) []byte {
	dst = AppendString(dst, c.Server)
	dst = AppendUint64(dst, c.ID)
	dst = AppendUint64(dst, uint64(c.Connected))
	return AppendUint32(dst, uint32(c.Transport))
}

func (d *Decoder) client() AdminClient {
	return AdminClient{
		Server:    d.String(MaxString),
		ID:        d.Uint64(),
		Connected: d.Int64(),
		Transport: Transport(d.Uint32()),
	}
}

// LibVersionResult is the result of AdminGetLibVersion: major times a million
// plus minor times a thousand plus release.
type LibVersionResult struct {
	Version uint64
}

// Decode reads the result. It fails with ErrPayload.
func (r *LibVersionResult) Decode(payload []byte) error {
	d := NewDecoder(payload)
	r.Version = d.Uint64()
	return d.Err()
}

// Append appends the result.
func (r LibVersionResult) Append(dst []byte) []byte { return AppendUint64(dst, r.Version) }

// ServersResult is the result of AdminListServers.
type ServersResult struct {
	Servers []string // at most MaxServers, none if they were not asked for
	Total   uint32
}

// Decode reads the result. It fails with ErrPayload.
func (r *ServersResult) Decode(payload []byte) error {
	d := NewDecoder(payload)
	r.Servers = make([]string, d.Count(MaxServers, wordSize))
	for i := range r.Servers {
		r.Servers[i] = d.String(MaxString)
	}
	r.Total = d.Uint32()
	return d.Err()
}

// Append appends the result.
func (r ServersResult) Append(dst []byte) []byte {
	dst = AppendUint32(dst, uint32(len(r.Servers)))
	for _, name := range r.Servers {
		dst = AppendString(dst, name)
	}
	return AppendUint32(dst, r.Total)
}

// ServerResult is the result of AdminLookupServer.
type ServerResult struct {
	Server string
}

// Decode reads the result. It fails with ErrPayload.
func (r *ServerResult) Decode(payload []byte) error {
	d := NewDecoder(payload)
	r.Server = d.String(MaxString)
	return d.Err()
}

// Append appends the result.
func (r ServerResult) Append(dst []byte) []byte { return AppendString(dst, r.Server) }

// ParamsResult is the result of AdminGetThreadpoolParameters,
// AdminGetClientLimits and AdminClientGetInfo.
type ParamsResult struct {
	Params []TypedParam // at most MaxParams, for AdminClientGetInfo at most MaxInfo
}

// Decode reads the result. It fails with ErrPayload.
func (r *ParamsResult) Decode(payload []byte) error {
	d := NewDecoder(payload)
	r.Params = d.params(MaxInfo)
	return d.Err()
}

// Append appends the result.
func (r ParamsResult) Append(dst []byte) []byte { return appendParams(dst, r.Params) }

// ClientsResult is the result of AdminListClients.
type ClientsResult struct {
	Clients []AdminClient // at most MaxClients, none if they were not asked for
	Total   uint32
}

// Decode reads the result. It fails with ErrPayload.
func (r *ClientsResult) Decode(payload []byte) error {
	d := NewDecoder(payload)
	r.Clients = make([]AdminClient, d.Count(MaxClients, minClient))
	for i := range r.Clients {
		r.Clients[i] = d.client()
	}
	r.Total = d.Uint32()
	return d.Err()
}

// Append appends the result.
func (r ClientsResult) Append(dst []byte) []byte {
	dst = AppendUint32(dst, uint32(len(r.Clients)))
	for _, c := range r.Clients {
		dst = c.Append(dst)
	}
	return AppendUint32(dst, r.Total)
}

// ClientResult is the result of AdminLookupClient.
type ClientResult struct {
	Client AdminClient
}

// Decode reads the result. It fails with ErrPayload.
func (r *ClientResult) Decode(payload []byte) error {
	d := NewDecoder(payload)
	r.Client = d.client()
	return d.Err()
}

// Append appends the result.
func (r ClientResult) Append(dst []byte) []byte { return r.Client.Append(dst) }

// LoggingOutputsResult is the result of AdminGetLoggingOutputs.
type LoggingOutputsResult struct {
	Outputs string
	Count   uint32
}

// Decode reads the result. It fails with ErrPayload.
func (r *LoggingOutputsResult) Decode(payload []byte) error {
	d := NewDecoder(payload)
	r.Outputs = d.String(MaxString)
	r.Count = d.Uint32()
	return d.Err()
}

// Append appends the result.
func (r LoggingOutputsResult) Append(dst []byte) []byte {
	dst = AppendString(dst, r.Outputs)
	return AppendUint32(dst, r.Count)
}

// LoggingFiltersResult is the result of AdminGetLoggingFilters.
type LoggingFiltersResult struct {
	Filters *string // nil for none
	Count   uint32
}

// Decode reads the result. It fails with ErrPayload.
func (r *LoggingFiltersResult) Decode(payload []byte) error {
	d := NewDecoder(payload)
	r.Filters = d.OptionalString(MaxString)
	r.Count = d.Uint32()
	return d.Err()
}

// Append appends the result.
func (r LoggingFiltersResult) Append(dst []byte) []byte {
	dst = AppendOptionalString(dst, r.Filters)
	return AppendUint32(dst, r.Count)
}
