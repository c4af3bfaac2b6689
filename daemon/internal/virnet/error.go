package virnet

import "unicode/utf8"

// ErrorCode says what went wrong. The numbers are libvirt's.
type ErrorCode int32

// The codes the daemon answers with.
const (
	CodeOK                  ErrorCode = 0
	CodeInternalError       ErrorCode = 1
	CodeInvalidArgument     ErrorCode = 8
	CodeOperationFailed     ErrorCode = 9
	CodeOperationDenied     ErrorCode = 29
	CodeSystemError         ErrorCode = 38 // Int1 is the errno
	CodeRPC                 ErrorCode = 39
	CodeOperationInvalid    ErrorCode = 55
	CodeArgumentUnsupported ErrorCode = 74
	CodeResourceBusy        ErrorCode = 87
	CodeNoServer            ErrorCode = 95
	CodeNoClient            ErrorCode = 96
)

// ErrorDomain says which part of libvirt failed.
type ErrorDomain int32

// The domains the daemon answers with.
const (
	DomainNone      ErrorDomain = 0  // checks of typed parameters and log settings
	DomainRPC       ErrorDomain = 7  // the dispatchers, servers and clients
	DomainLockspace ErrorDomain = 51 // lockspaces, resources and their files
	DomainAdmin     ErrorDomain = 62 // flags and client information of the admin program
)

// levelError is the only level libvirt's daemons send; 1 is a warning.
const levelError = 2

// Error is a failed call: the payload of a reply with StatusError. Clients of
// libvirt look at the first three fields and show the message.
type Error struct {
	Code    ErrorCode
	Domain  ErrorDomain
	Message string
	Level   int32
	// What Message was made of, nil for absent: mostly a format and its
	// argument.
	Str1, Str2, Str3 *string
	Int1, Int2       int32
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Append appends the error in XDR, always small enough for libvirt to decode.
// The domain and the network that it could be about are never there.
func (e *Error) Append(dst []byte) []byte {
	dst = AppendUint32(dst, uint32(e.Code))
	dst = AppendUint32(dst, uint32(e.Domain))
	dst = appendClipped(dst, &e.Message)
	dst = AppendUint32(dst, uint32(e.Level))
	dst = AppendBool(dst, false)
	dst = appendClipped(dst, e.Str1)
	dst = appendClipped(dst, e.Str2)
	dst = appendClipped(dst, e.Str3)
	dst = AppendUint32(dst, uint32(e.Int1))
	dst = AppendUint32(dst, uint32(e.Int2))
	return AppendBool(dst, false)
}

// appendClipped appends as much of a string as libvirt takes: a request may
// hold a name of that length, which the message then repeats. libvirt's own
// daemons close the connection over it.
func appendClipped(dst []byte, s *string) []byte {
	if s == nil || len(*s) <= MaxString {
		return AppendOptionalString(dst, s)
	}
	end := MaxString
	for end > MaxString-utf8.UTFMax && !utf8.RuneStart((*s)[end]) {
		end--
	}
	return AppendOptionalString(dst, new((*s)[:end]))
}

// Decode reads an error. It fails with ErrPayload.
func (e *Error) Decode(payload []byte) error {
	d := NewDecoder(payload)
	e.Code = ErrorCode(d.Int32())
	e.Domain = ErrorDomain(d.Int32())
	e.Message = ""
	if message := d.OptionalString(MaxString); message != nil {
		e.Message = *message
	}
	e.Level = d.Int32()
	if d.Bool() { // the guest it is about: name, UUID, number
		d.String(MaxString)
		d.UUID()
		d.Int32()
	}
	e.Str1 = d.OptionalString(MaxString)
	e.Str2 = d.OptionalString(MaxString)
	e.Str3 = d.OptionalString(MaxString)
	e.Int1 = d.Int32()
	e.Int2 = d.Int32()
	if d.Bool() { // the network it is about: name, UUID
		d.String(MaxString)
		d.UUID()
	}
	return d.Err()
}
