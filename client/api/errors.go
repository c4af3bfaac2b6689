package api

// Code is what a program decides on when a call fails. Codes never change
// their meaning; the message beside them is for people and may.
type Code string

// The codes of all errors. Errors of JSON-RPC itself (a line that is not JSON,
// an unknown method, params of the wrong type) carry CodeInvalid.
const (
	CodeBusy          Code = "busy"           // somebody else holds the resource; Holders says who
	CodeNotFound      Code = "not_found"      // no such lockspace, resource, lock or file
	CodeNotRegistered Code = "not_registered" // owner.register has to come first
	CodeRestricted    Code = "restricted"     // owner.restrict was called on this connection
	CodeDenied        Code = "denied"         // the caller may not do this
	CodeInvalid       Code = "invalid"        // the request makes no sense as it stands
	CodeLimit         Code = "limit"          // a limit of the daemon or the system is reached
	CodeForced        Code = "forced"         // the lock was taken from its owner by force; the message says by whom, and why
	CodeRefused       Code = "refused"        // the daemon would not do it; nothing has changed
	CodeIO            Code = "io"             // storage failed
)

// JSON-RPC 2.0 error numbers. Every failure of a well-formed call is
// NumberFailed; ErrorData.Code tells them apart.
const (
	NumberParse          = -32700
	NumberInvalidRequest = -32600
	NumberMethodNotFound = -32601
	NumberInvalidParams  = -32602
	NumberFailed         = -32000
)

// Error is the error object of a JSON-RPC 2.0 reply.
type Error struct {
	Number  int        `json:"code"`
	Message string     `json:"message"`
	Data    *ErrorData `json:"data,omitempty"`
}

// ErrorData is what an error says to a program.
type ErrorData struct {
	Code Code `json:"code"`
	// Hint says what to do next, in a sentence. Empty when there is nothing to say.
	Hint string `json:"hint,omitempty"`
	// Lockspace and Name are the resource that was refused, where the call
	// named several.
	Lockspace *string `json:"lockspace,omitempty"`
	Name      string  `json:"name,omitempty"`
	// Holders are those in the way, with CodeBusy and CodeDenied.
	Holders []Holder `json:"holders,omitempty"`
	// Errno is the system's error number, with CodeIO and CodeLimit.
	Errno int `json:"errno,omitempty"`
}
