package virnet_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"virtlock/daemon/internal/virnet"
)

// exchange is a call and its reply as libvirt's own programs sent them.
type exchange struct {
	title       string
	call, reply []byte
}

// exchanges reads a file of testdata: titles, and lines of hex after > and <.
func exchanges(t testing.TB, name string) []exchange {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var list []exchange
	var next exchange
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		mark, rest, _ := strings.Cut(lines.Text(), " ")
		switch mark {
		case "", "#":
		case ">":
			next.call = unhex(t, rest)
		case "<":
			next.reply = unhex(t, rest)
			list = append(list, next)
		default:
			next.title = lines.Text()
		}
	}
	if err := lines.Err(); err != nil || len(list) == 0 {
		t.Fatalf("%s: %d exchanges, %v", name, len(list), err)
	}
	return list
}

// exchangeTitled returns one exchange.
func exchangeTitled(t testing.TB, name, title string) exchange {
	t.Helper()
	for _, e := range exchanges(t, name) {
		if e.title == title {
			return e
		}
	}
	t.Fatalf("%s: no exchange %q", name, title)
	return exchange{}
}

func unhex(t testing.TB, digits string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(digits), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// payload is arguments, results or an error.
type payload interface {
	virnet.Payload
	Decode([]byte) error
}

// codec makes the arguments and the results of a procedure; nil stands for no
// payload.
type codec struct{ args, result func() payload }

func of[T any, P interface {
	*T
	payload
}]() payload {
	return P(new(T))
}

var lockCodecs = map[int32]codec{
	virnet.ProcRegister:        {args: of[virnet.Register]},
	virnet.ProcRestrict:        {args: of[virnet.Restrict]},
	virnet.ProcNew:             {args: of[virnet.New]},
	virnet.ProcCreateResource:  {args: of[virnet.CreateResource]},
	virnet.ProcDeleteResource:  {args: of[virnet.DeleteResource]},
	virnet.ProcAcquire:         {args: of[virnet.Acquire]},
	virnet.ProcRelease:         {args: of[virnet.Release]},
	virnet.ProcCreateLockspace: {args: of[virnet.CreateLockspace]},
}

var adminCodecs = map[int32]codec{
	virnet.AdminConnectOpen:             {args: of[virnet.FlagsArgs]},
	virnet.AdminConnectClose:            {},
	virnet.AdminGetLibVersion:           {result: of[virnet.LibVersionResult]},
	virnet.AdminListServers:             {of[virnet.ListServersArgs], of[virnet.ServersResult]},
	virnet.AdminLookupServer:            {of[virnet.ServerArgs], of[virnet.ServerResult]},
	virnet.AdminGetThreadpoolParameters: {of[virnet.ServerArgs], of[virnet.ParamsResult]},
	virnet.AdminSetThreadpoolParameters: {args: of[virnet.ServerParamsArgs]},
	virnet.AdminListClients:             {of[virnet.ListClientsArgs], of[virnet.ClientsResult]},
	virnet.AdminLookupClient:            {of[virnet.LookupClientArgs], of[virnet.ClientResult]},
	virnet.AdminClientGetInfo:           {of[virnet.ClientArgs], of[virnet.ParamsResult]},
	virnet.AdminClientClose:             {args: of[virnet.ClientArgs]},
	virnet.AdminGetClientLimits:         {of[virnet.ServerArgs], of[virnet.ParamsResult]},
	virnet.AdminSetClientLimits:         {args: of[virnet.ServerParamsArgs]},
	virnet.AdminGetLoggingOutputs:       {of[virnet.FlagsArgs], of[virnet.LoggingOutputsResult]},
	virnet.AdminGetLoggingFilters:       {of[virnet.FlagsArgs], of[virnet.LoggingFiltersResult]},
	virnet.AdminSetLoggingOutputs:       {args: of[virnet.LoggingArgs]},
	virnet.AdminSetLoggingFilters:       {args: of[virnet.LoggingArgs]},
	virnet.AdminUpdateTLSFiles:          {args: of[virnet.ServerArgs]},
	virnet.AdminSetDaemonTimeout:        {args: of[virnet.TimeoutArgs]},
	virnet.AdminDaemonShutdown:          {args: of[virnet.FlagsArgs]},
}

// TestGolden demands that all that libvirt sent is understood, and that the
// same bytes come out when it is appended again.
func TestGolden(t *testing.T) {
	t.Run("lock", func(t *testing.T) { golden(t, "lock.txt", virnet.ProgramLock, lockCodecs) })
	t.Run("admin", func(t *testing.T) { golden(t, "admin.txt", virnet.ProgramAdmin, adminCodecs) })
}

func golden(t *testing.T, file string, program uint32, codecs map[int32]codec) {
	for _, e := range exchanges(t, file) {
		t.Run(e.title, func(t *testing.T) {
			call, args := split(t, e.call)
			reply, result := split(t, e.reply)
			codec := codecs[call.Procedure]
			undecodable := goldenReply(t, reply, result, codec)
			if call.Program == program && codec.args != nil {
				goldenCall(t, call, args, codec, undecodable)
			}
		})
	}
}

// goldenReply reports whether libvirt could not decode the arguments.
func goldenReply(t *testing.T, reply virnet.Header, result []byte, codec codec) bool {
	t.Helper()
	switch {
	case reply.Status == virnet.StatusError:
		var failure virnet.Error
		again(t, &failure, result, nil)
		return failure.Message == virnet.UndecodablePayload().Message
	case reply.Type == virnet.Reply && codec.result != nil:
		again(t, codec.result(), result, nil)
	case len(result) > 0:
		t.Errorf("unexpected result %x", result)
	}
	return false
}

func goldenCall(t *testing.T, call virnet.Header, b []byte, codec codec, undecodable bool) {
	t.Helper()
	if undecodable {
		if err := codec.args().Decode(b); err != virnet.ErrPayload {
			t.Errorf("arguments that libvirt cannot decode: %v", err)
		}
		return
	}
	if call.Type == virnet.CallWithFDs {
		rest, err := virnet.SkipDescriptors(b)
		if err != nil {
			t.Fatal(err)
		}
		b = rest
	}
	trailing := bytes.TrimPrefix(b, canonical(t, codec.args(), b))
	again(t, codec.args(), b, trailing)
}

// split takes a message apart, and checks that it comes together again.
func split(t *testing.T, message []byte) (virnet.Header, []byte) {
	t.Helper()
	if size, err := virnet.MessageSize(message); size != len(message) || err != nil {
		t.Fatalf("size %d, %v of %d bytes", size, err, len(message))
	}
	h, payload := virnet.ParseHeader(message)
	if got := virnet.AppendMessage(nil, h, payload); !bytes.Equal(got, message) {
		t.Errorf("message\n%x, want\n%x", got, message)
	}
	return h, payload
}

func canonical(t *testing.T, p payload, b []byte) []byte {
	t.Helper()
	if err := p.Decode(b); err != nil {
		t.Fatalf("decode %x: %v", b, err)
	}
	return p.Append(nil)
}

// again decodes b into p and appends it; trailing is what p need not hold.
func again(t *testing.T, p payload, b, trailing []byte) {
	t.Helper()
	if got := append(canonical(t, p, b), trailing...); !bytes.Equal(got, b) {
		t.Errorf("%T\n%x, want\n%x", p, got, b)
	}
}
