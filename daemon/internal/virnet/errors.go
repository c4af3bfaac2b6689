package virnet

import "fmt"

// prefixes is what libvirt's messages of a code start with.
var prefixes = map[ErrorCode]string{
	CodeInternalError:       "internal error",
	CodeInvalidArgument:     "invalid argument",
	CodeOperationFailed:     "operation failed",
	CodeOperationDenied:     "operation forbidden",
	CodeOperationInvalid:    "Requested operation is not valid",
	CodeArgumentUnsupported: "argument unsupported",
	CodeResourceBusy:        "resource busy",
	CodeNoServer:            "Server not found",
	CodeNoClient:            "Client not found",
}

// NewError returns an error with all fields as libvirt fills them. Its message
// is the detail behind the prefix of the code, if that has one.
func NewError(code ErrorCode, domain ErrorDomain, detail string) *Error {
	format, message := "%s", detail
	if prefix, ok := prefixes[code]; ok {
		format, message = prefix+": %s", prefix+": "+detail
	}
	return &Error{
		Code: code, Domain: domain, Message: message, Level: levelError,
		Str1: &format, Str2: &detail, Int1: -1, Int2: -1,
	}
}

// Errorf is NewError with a detail made by fmt.Sprintf.
func Errorf(code ErrorCode, domain ErrorDomain, format string, args ...any) *Error {
	return NewError(code, domain, fmt.Sprintf(format, args...))
}

// SystemError returns the error of a system call. The detail names what failed
// and the cause, as in "Unable to open resource /x: No such file or directory".
func SystemError(domain ErrorDomain, errno int32, detail string) *Error {
	e := NewError(CodeSystemError, domain, detail)
	e.Int1 = errno
	return e
}

// UnsupportedFlags returns the answer to a call with flags that its procedure
// does not know. Only those belong in flags.
func UnsupportedFlags(call Header, flags uint32) *Error {
	domain := DomainRPC
	if call.Program == ProgramAdmin {
		domain = DomainAdmin
	}
	function := functionName(call.Program, call.Procedure)
	return &Error{
		Code: CodeInvalidArgument, Domain: domain, Level: levelError,
		Message: fmt.Sprintf("unsupported flags (0x%x) in function %s", flags, function),
		Str1:    &function, Str2: new("flags"),
	}
}

// A server checks a call in this order: program, status, procedure, payload.
// Messages that are no calls get no answer, whatever is wrong with them. The
// numbers are signed or not as libvirt prints them.

// UnknownProgram returns the answer to a call of a program or version that the
// socket does not serve.
func UnknownProgram(call Header) *Error {
	return Errorf(CodeRPC, DomainRPC, "Cannot find program %d version %d", int32(call.Program), int32(call.Version))
}

// UnexpectedStatus returns the answer to a call whose status is not OK.
func UnexpectedStatus(call Header) *Error {
	return Errorf(CodeRPC, DomainRPC, "Unexpected message status %d", call.Status)
}

// UnknownProcedure returns the answer to a call of a procedure that the
// program does not have.
func UnknownProcedure(call Header) *Error {
	return Errorf(CodeRPC, DomainRPC, "unknown procedure: %d", call.Procedure)
}

// UndecodablePayload returns the answer to a call whose arguments could not be
// decoded.
func UndecodablePayload() *Error {
	return NewError(CodeRPC, DomainRPC, "Unable to decode message payload")
}
