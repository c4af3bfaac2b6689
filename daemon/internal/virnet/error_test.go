package virnet_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"virtlock/daemon/internal/virnet"
)

// TestErrorsAreLibvirts demands the bytes of libvirt's own replies.
func TestErrorsAreLibvirts(t *testing.T) {
	const rpc, space = virnet.DomainRPC, virnet.DomainLockspace
	tests := []struct {
		file, title string
		err         func(call virnet.Header) *virnet.Error
	}{
		{"lock.txt", "another program", virnet.UnknownProgram},
		{"lock.txt", "the admin program", virnet.UnknownProgram},
		{"lock.txt", "another version", virnet.UnknownProgram},
		{"lock.txt", "version -1", virnet.UnknownProgram},
		{"lock.txt", "unknown program, status 1", virnet.UnknownProgram},
		{"lock.txt", "keepalive call", virnet.UnknownProgram},
		{"lock.txt", "keepalive fds", virnet.UnknownProgram},
		{"lock.txt", "status 1", virnet.UnexpectedStatus},
		{"lock.txt", "status -1", virnet.UnexpectedStatus},
		{"lock.txt", "status 2, unknown procedure", virnet.UnexpectedStatus},
		{"lock.txt", "procedure 0", virnet.UnknownProcedure},
		{"lock.txt", "procedure 9", virnet.UnknownProcedure},
		{"lock.txt", "procedure -1", virnet.UnknownProcedure},
		{"lock.txt", "no arguments", always(virnet.UndecodablePayload())},
		{"lock.txt", "REGISTER flags", flags(4)},
		{"lock.txt", "RESTRICT flags", flags(4)},
		{"lock.txt", "NEW flags", flags(4)},
		{"lock.txt", "CREATE_RESOURCE flags", flags(4)},
		{"lock.txt", "DELETE_RESOURCE flags", flags(4)},
		{"lock.txt", "ACQUIRE flags 7", flags(7 &^ (virnet.AcquireShared | virnet.AcquireAutocreate))},
		{"lock.txt", "RELEASE flags", flags(4)},
		{"lock.txt", "type 4, no fds, bad flags", flags(4)},
		{"lock.txt", "ACQUIRE before REGISTER", always(virnet.NewError(virnet.CodeOperationInvalid, rpc,
			"lock owner details have not been registered"))},
		{"lock.txt", "ACQUIRE after RESTRICT", always(virnet.NewError(virnet.CodeOperationDenied, rpc,
			"lock manager connection has been restricted"))},
		{"lock.txt", "ACQUIRE in an unknown lockspace", always(virnet.Errorf(virnet.CodeInternalError, rpc,
			"Lockspace for path %s does not exist", "/nowhere"))},
		{"lock.txt", "ACQUIRE held", always(virnet.Errorf(virnet.CodeResourceBusy, space,
			"Lockspace resource '%s' is locked", "/run/images/a.img"))},
		{"lock.txt", "ACQUIRE missing file", always(virnet.SystemError(space, 2,
			"Unable to open resource /run/images/none: No such file or directory"))},
		{"admin.txt", "CONNECT_OPEN flags", flags(4)},
		{"admin.txt", "LIST_SERVERS flags", flags(4)},
		{"admin.txt", "GET_THREADPOOL_PARAMETERS flags", flags(4)},
		{"admin.txt", "SET_THREADPOOL_PARAMETERS flags", flags(4)},
		{"admin.txt", "LIST_CLIENTS flags", flags(4)},
		{"admin.txt", "LOOKUP_CLIENT flags", flags(4)},
		{"admin.txt", "CLIENT_GET_INFO flags, client there", flags(4)},
		{"admin.txt", "CLIENT_CLOSE flags, client there", flags(4)},
		{"admin.txt", "GET_CLIENT_LIMITS flags", flags(4)},
		{"admin.txt", "SET_CLIENT_LIMITS flags", flags(4)},
		{"admin.txt", "GET_LOGGING_OUTPUTS flags", flags(4)},
		{"admin.txt", "GET_LOGGING_FILTERS flags", flags(4)},
		{"admin.txt", "SET_LOGGING_OUTPUTS flags", flags(4)},
		{"admin.txt", "SET_LOGGING_FILTERS flags", flags(4)},
		{"admin.txt", "UPDATE_TLS_FILES flags", flags(4)},
		{"admin.txt", "SET_DAEMON_TIMEOUT flags", flags(4)},
		{"admin.txt", "SET_CLIENT_LIMITS type 6", always(virnet.Errorf(virnet.CodeInvalidArgument, virnet.DomainNone,
			"invalid type '%v' for parameter 'nclients_max', expected '%v'", virnet.ParamBool, virnet.ParamUint))},
		{"admin.txt", "SET_CLIENT_LIMITS unknown", always(virnet.NewError(virnet.CodeArgumentUnsupported,
			virnet.DomainNone, "parameter 'nope' not supported"))},
		{"admin.txt", "CLIENT_GET_INFO missing", always(virnet.NewError(virnet.CodeNoClient, virnet.DomainAdmin,
			"no client with matching id '999' found"))},
		{"admin.txt", "virt-admin srv-clients-info nosuch", always(virnet.NewError(virnet.CodeNoServer, rpc,
			"No server named 'nosuch'"))},
	}
	for _, test := range tests {
		t.Run(test.title, func(t *testing.T) {
			e := exchangeTitled(t, test.file, test.title)
			call, _ := virnet.ParseHeader(e.call)
			if got := virnet.AppendErrorReply(nil, call, test.err(call)); !bytes.Equal(got, e.reply) {
				t.Errorf("got\n%x, want\n%x", got, e.reply)
			}
		})
	}
}

func always(err *virnet.Error) func(virnet.Header) *virnet.Error {
	return func(virnet.Header) *virnet.Error { return err }
}

func flags(unsupported uint32) func(virnet.Header) *virnet.Error {
	return func(call virnet.Header) *virnet.Error { return virnet.UnsupportedFlags(call, unsupported) }
}

func TestErrorText(t *testing.T) {
	var err error = virnet.NewError(virnet.CodeOperationFailed, virnet.DomainRPC, "too much")
	if err.Error() != "operation failed: too much" {
		t.Errorf("got %q", err)
	}
}

// TestErrorAboutAGuest has the parts that the daemon itself never sends.
func TestErrorAboutAGuest(t *testing.T) {
	b := virnet.AppendUint32(nil, 1)
	b = virnet.AppendUint32(b, 10)
	b = virnet.AppendBool(b, false) // no message
	b = virnet.AppendUint32(b, 1)
	b = virnet.AppendBool(b, true)
	b = virnet.AppendString(b, "guest")
	b = append(b, make([]byte, 16+4)...)
	b = virnet.AppendOptionalString(b, nil)
	b = virnet.AppendOptionalString(b, new("two"))
	b = virnet.AppendOptionalString(b, new(""))
	b = virnet.AppendUint32(b, 3)
	b = virnet.AppendUint32(b, 4)
	b = virnet.AppendBool(b, true)
	b = virnet.AppendString(b, "network")
	b = append(b, make([]byte, 16)...)
	var got virnet.Error
	if err := got.Decode(b); err != nil {
		t.Fatal(err)
	}
	if got.Code != 1 || got.Domain != 10 || got.Message != "" || got.Level != 1 ||
		got.Str1 != nil || *got.Str2 != "two" || *got.Str3 != "" || got.Int1 != 3 || got.Int2 != 4 {
		t.Errorf("got %+v", got)
	}
	for n := range b {
		if err := got.Decode(b[:n]); !errors.Is(err, virnet.ErrPayload) {
			t.Errorf("%d bytes of %d: %v", n, len(b), err)
		}
	}
}

func TestErrorIsClipped(t *testing.T) {
	long := strings.Repeat("a", virnet.MaxString-1)
	for name, detail := range map[string]string{"plain": long + "aaa", "within a letter": long + "\u20ac"} {
		t.Run(name, func(t *testing.T) {
			var got virnet.Error
			if err := got.Decode(virnet.NewError(virnet.CodeRPC, virnet.DomainRPC, detail).Append(nil)); err != nil {
				t.Fatal(err)
			}
			if strings.TrimRight(got.Message, "a") != "" || len(got.Message) < len(long) || *got.Str2 != got.Message {
				t.Errorf("%d bytes, the end is %q", len(got.Message), got.Message[len(got.Message)-4:])
			}
		})
	}
}
