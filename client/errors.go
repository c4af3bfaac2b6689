package client

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

	"virtlock/client/api"
)

// What the daemon's refusals match with errors.Is, by their code.
var (
	ErrBusy          error = codeError(api.CodeBusy)
	ErrNotFound      error = codeError(api.CodeNotFound)
	ErrNotRegistered error = codeError(api.CodeNotRegistered)
	ErrRestricted    error = codeError(api.CodeRestricted)
	ErrDenied        error = codeError(api.CodeDenied)
	ErrInvalid       error = codeError(api.CodeInvalid)
	ErrLimit         error = codeError(api.CodeLimit)
	ErrForced        error = codeError(api.CodeForced)
	ErrRefused       error = codeError(api.CodeRefused)
	ErrIO            error = codeError(api.CodeIO)
)

// What happens without a refusal of the daemon.
var (
	// ErrUnreachable is matched by every *UnreachableError.
	ErrUnreachable = errors.New("daemon unreachable")
	// ErrSilent is why a daemon is unreachable that closed the connection before it
	// answered anything, as libvirt's does, or that of another user.
	ErrSilent = errors.New("closed without an answer")
	// ErrLost is the fate of locks that went without being released, with
	// their connection or with the daemon.
	ErrLost = errors.New("lock lost")
	// ErrBroken is the end of a call whose answer did not come. Whether it
	// was carried out is not known.
	ErrBroken = errors.New("connection broke before the answer")
	// ErrClosed is the end of all calls after Client.Close.
	ErrClosed = errors.New("client is closed")
)

// errNotSent is joined to ErrBroken when the daemon cannot have seen the call.
var errNotSent = errors.New("request not sent")

// codeError is a sentinel: the code alone.
type codeError api.Code

func (e codeError) Error() string { return string(e) }

// Error is a refusal by the daemon. It matches the sentinel of its Code, and
// its Errno where it has one.
type Error struct {
	// Op is the method that was called.
	Op   string
	Code api.Code
	// Number is that of JSON-RPC: api.NumberMethodNotFound when the daemon is of
	// a version that does not know the method.
	Number int
	// Message is for people, and may change from version to version.
	Message string
	// Hint says what to do, or is empty.
	Hint string
	// Resource is what was refused, where the call named any.
	Resource *api.ResourceName
	// Holders are those in the way, with ErrBusy and ErrDenied.
	Holders []api.Holder
	// Errno is what the daemon's system call returned, with ErrIO and ErrLimit.
	Errno syscall.Errno
}

// Error is the method and the daemon's message.
func (e *Error) Error() string { return e.Op + ": " + e.Message }

// Is reports whether target is the sentinel of the code.
func (e *Error) Is(target error) bool {
	code, ok := target.(codeError)
	return ok && e.Code == api.Code(code)
}

// Unwrap returns the Errno, or nil when it is 0.
func (e *Error) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return e.Errno
}

// fromWire makes an Error of what the daemon sent.
func fromWire(op string, wire *api.Error) *Error {
	e := &Error{Op: op, Number: wire.Number, Message: wire.Message}
	data := wire.Data
	if data == nil {
		return e
	}
	e.Code, e.Hint, e.Holders = data.Code, data.Hint, data.Holders
	e.Errno = syscall.Errno(data.Errno)
	if data.Lockspace != nil {
		e.Resource = &api.ResourceName{Lockspace: *data.Lockspace, Name: data.Name}
	}
	return e
}

// invalid is a request that is refused before it is sent.
func invalid(op, message string) *Error {
	return &Error{Op: op, Code: api.CodeInvalid, Message: message}
}

// unanswered is the end of a connection on which nothing was ever answered.
func unanswered(socket string, cause error) error {
	if errors.Is(cause, io.EOF) || errors.Is(cause, syscall.ECONNRESET) {
		cause = ErrSilent
	}
	return &UnreachableError{Socket: socket, Err: cause}
}

// UnreachableError says that no daemon answers on a socket. It matches
// ErrUnreachable, and unwraps to the cause.
type UnreachableError struct {
	Socket string
	Err    error
}

// Error names the socket and the cause.
func (e *UnreachableError) Error() string {
	cause := e.Err
	// A net.OpError repeats the path.
	if errno := syscall.Errno(0); errors.As(e.Err, &errno) {
		cause = errno
	}
	return fmt.Sprintf("connect to %q: %v", e.Socket, cause)
}

// Is reports whether target is ErrUnreachable.
func (e *UnreachableError) Is(target error) bool { return target == ErrUnreachable }

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// Hint says what to do about it, in a sentence.
func (e *UnreachableError) Hint() string {
	switch {
	case errors.Is(e.Err, fs.ErrNotExist):
		return "is virtlockd running? It may also listen on another socket"
	case errors.Is(e.Err, syscall.ECONNREFUSED):
		return "the daemon that made this socket is gone; start virtlockd"
	case errors.Is(e.Err, fs.ErrPermission):
		return "only the user that the daemon runs as may connect; that of the system needs root"
	case errors.Is(e.Err, ErrSilent):
		return "it serves only the user it runs as, and must be this virtlockd, not libvirt's"
	}
	return "is this the socket of virtlockd?"
}
