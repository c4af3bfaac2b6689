package daemon_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"virtlock/daemon/internal/virnet"
)

// rawArgs are arguments as they are.
type rawArgs []byte

func (a rawArgs) Append(dst []byte) []byte { return append(dst, a...) }

// adminWireCase is calls of the admin program, one after another on a
// connection of their own.
type adminWireCase struct {
	name   string
	calls  []adminCall
	wanted *difference // of an answer
}

// adminCall is a call; args may name the client on the main socket.
type adminCall struct {
	procedure int32
	args      func(client uint64) virnet.Payload
}

// with makes the same arguments whatever the client.
func with(p virnet.Payload) func(uint64) virnet.Payload {
	return func(uint64) virnet.Payload { return p }
}

func call(procedure int32, args virnet.Payload) adminCall { return adminCall{procedure, with(args)} }

func one(name string, procedure int32, args virnet.Payload) adminWireCase {
	return adminWireCase{name: name, calls: []adminCall{call(procedure, args)}}
}

// TestAdminWire sends the same calls to libvirt's daemon and to ours. The
// answers have to be the same, byte for byte.
func TestAdminWire(t *testing.T) {
	theirs, ours := startSides(t)
	for _, group := range []struct {
		name  string
		cases []adminWireCase
	}{
		{"flags", flagCases()},
		{"names", nameCases()},
		{"limits", limitCases()},
		{"threadpool", threadpoolCases()},
		{"filters", filterCases()},
		{"outputs", outputCases()},
		{"other", otherCases()},
		{"clients", clientCases()}, // last: they end the client
	} {
		for _, c := range group.cases {
			t.Run(group.name+"/"+c.name, func(t *testing.T) { compareAdminWire(t, c, theirs, ours) })
		}
	}
}

func compareAdminWire(t *testing.T, c adminWireCase, theirs, ours adminSide) {
	t.Helper()
	want, got := theirs.answers(t, c), ours.answers(t, c)
	if c.wanted != nil {
		if !strings.Contains(want, c.wanted.theirs) || !strings.Contains(got, c.wanted.ours) {
			t.Errorf("no difference any more, or not this one: %s", c.wanted.why)
		} else {
			return
		}
	}
	if got != want {
		t.Errorf("libvirt's:\n%s\nours:\n%s", want, got)
	}
}

// answers gives all that a daemon answers, a line for each: the bytes, and what
// can be read in them.
func (s adminSide) answers(t *testing.T, c adminWireCase) string {
	t.Helper()
	conn := dialAdmin(t, s.admin)
	var lines []string
	for _, call := range c.calls {
		// The ping behind it tells when all of the answer has come.
		if _, err := conn.Write(append(conn.message(call.procedure, call.args(s.client)), ping...)); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, conn.answer(t))
	}
	return strings.Join(lines, "\n")
}

// answer reads up to the answer to a ping or the end of the connection.
func (c adminConn) answer(t *testing.T) string {
	t.Helper()
	line := ""
	for {
		reply, err := c.reply()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, unix.ECONNRESET):
			return line + "end"
		case err != nil:
			t.Fatal(err)
		case bytes.Equal(reply, pong):
			return line
		}
		line += fmt.Sprintf("%x ", reply)
		h, payload := virnet.ParseHeader(reply)
		var failure virnet.Error
		if h.Status == virnet.StatusError && failure.Decode(payload) == nil {
			line += fmt.Sprintf("(%d/%d %s) ", failure.Code, failure.Domain, failure.Message)
		}
	}
}

// argsWithFlags are the arguments of each procedure that has flags, with the
// given ones.
func argsWithFlags(server string, client uint64, flags uint32) map[int32]virnet.Payload {
	c := virnet.AdminClient{Server: server, ID: client}
	just, of := virnet.FlagsArgs{Flags: flags}, virnet.ServerArgs{Server: server, Flags: flags}
	params := virnet.ServerParamsArgs{Server: server, Flags: flags}
	return map[int32]virnet.Payload{
		virnet.AdminConnectOpen:             just,
		virnet.AdminListServers:             virnet.ListServersArgs{Flags: flags},
		virnet.AdminLookupServer:            of,
		virnet.AdminGetThreadpoolParameters: of,
		virnet.AdminSetThreadpoolParameters: params,
		virnet.AdminListClients:             virnet.ListClientsArgs{Server: server, Flags: flags},
		virnet.AdminLookupClient:            virnet.LookupClientArgs{Server: server, ID: client, Flags: flags},
		virnet.AdminClientGetInfo:           virnet.ClientArgs{Client: c, Flags: flags},
		virnet.AdminClientClose:             virnet.ClientArgs{Client: c, Flags: flags},
		virnet.AdminGetClientLimits:         of,
		virnet.AdminSetClientLimits:         params,
		virnet.AdminGetLoggingOutputs:       just,
		virnet.AdminGetLoggingFilters:       just,
		virnet.AdminSetLoggingOutputs:       virnet.LoggingArgs{Flags: flags},
		virnet.AdminSetLoggingFilters:       virnet.LoggingArgs{Flags: flags},
		virnet.AdminUpdateTLSFiles:          of,
		virnet.AdminSetDaemonTimeout:        virnet.TimeoutArgs{Flags: flags},
	}
}

// everyProcedure makes a case that calls all procedures that have flags.
func everyProcedure(name string, server string, flags uint32, client func(uint64) uint64) adminWireCase {
	c := adminWireCase{name: name}
	for procedure := virnet.AdminConnectOpen; procedure <= virnet.AdminSetDaemonTimeout; procedure++ {
		if argsWithFlags(server, 0, flags)[procedure] != nil {
			c.calls = append(c.calls, adminCall{procedure, func(id uint64) virnet.Payload {
				return argsWithFlags(server, client(id), flags)[procedure]
			}})
		}
	}
	return c
}

func itself(id uint64) uint64 { return id }

func nobody(uint64) uint64 { return 999 }

// flagCases have flags that no procedure has, with another mistake too, or not.
func flagCases() []adminWireCase {
	return []adminWireCase{
		everyProcedure("all", "virtlockd", 4, itself),
		everyProcedure("all bits", "admin", math.MaxUint32, nobody),
		everyProcedure("no client", "virtlockd", 4, nobody),
		everyProcedure("no server", "nosuch", 4, itself),
		one("bad parameter", virnet.AdminSetClientLimits, virnet.ServerParamsArgs{Server: "virtlockd", Params: uints("nope", 1), Flags: 1}),
		one("long parameter", virnet.AdminSetClientLimits, virnet.ServerParamsArgs{Server: "virtlockd", Params: uints(strings.Repeat("x", 80), 1), Flags: 1}),
		one("bad filter", virnet.AdminSetLoggingFilters, virnet.LoggingArgs{Setting: new("9:bad"), Flags: 1}),
	}
}

// nameCases name servers and clients that are not there.
func nameCases() []adminWireCase {
	withoutLog := func(c adminWireCase) adminWireCase { // whose arguments name nothing
		c.calls = c.calls[:len(c.calls)-1]
		return c
	}
	return []adminWireCase{
		everyNamed("no server", "nosuch", itself),
		everyNamed("empty name", "", itself),
		everyNamed("other case", "Virtlockd", itself),
		everyNamed("format", "%s%n", itself),
		withoutLog(everyNamed("no client", "virtlockd", nobody)),
		withoutLog(everyNamed("largest client", "admin", func(uint64) uint64 { return math.MaxUint64 })),
		withoutLog(everyNamed("client 0", "admin", func(uint64) uint64 { return 0 })),
		one("lookup server", virnet.AdminLookupServer, virnet.ServerArgs{Server: "admin"}),
		one("count servers", virnet.AdminListServers, virnet.ListServersArgs{}),
		one("count clients", virnet.AdminListClients, virnet.ListClientsArgs{Server: "virtlockd"}),
	}
}

// everyNamed makes a case of all procedures that name a server.
func everyNamed(name, server string, client func(uint64) uint64) adminWireCase {
	every := everyProcedure(name, server, 0, client)
	c := adminWireCase{name: name}
	for _, call := range every.calls {
		switch call.args(0).(type) {
		case virnet.ServerArgs, virnet.ServerParamsArgs, virnet.ListClientsArgs:
			if server != "virtlockd" && server != "admin" {
				c.calls = append(c.calls, call)
			}
		case virnet.LookupClientArgs, virnet.ClientArgs:
			c.calls = append(c.calls, call)
		}
	}
	return c
}

// otherCases have no noun of their own.
func otherCases() []adminWireCase {
	cases := []adminWireCase{
		one("version", virnet.AdminGetLibVersion, rawArgs(nil)),
		one("version with arguments", virnet.AdminGetLibVersion, rawArgs("more")),
		one("open", virnet.AdminConnectOpen, virnet.FlagsArgs{}),
		one("open, more bytes", virnet.AdminConnectOpen, rawArgs("\x00\x00\x00\x00more")),
		one("close", virnet.AdminConnectClose, rawArgs(nil)),
		one("close with arguments", virnet.AdminConnectClose, rawArgs("more")),
		one("procedure 0", 0, rawArgs(nil)),
		one("procedure 21", 21, rawArgs(nil)),
		one("procedure -1", -1, rawArgs(nil)),
		one("TLS", virnet.AdminUpdateTLSFiles, virnet.ServerArgs{Server: "virtlockd"}),
		one("TLS of admin", virnet.AdminUpdateTLSFiles, virnet.ServerArgs{Server: "admin"}),
		one("timeout", virnet.AdminSetDaemonTimeout, virnet.TimeoutArgs{Seconds: 1000}),
		one("timeout off", virnet.AdminSetDaemonTimeout, virnet.TimeoutArgs{}),
		one("timeout off again", virnet.AdminSetDaemonTimeout, virnet.TimeoutArgs{}),
	}
	undecodable := adminWireCase{name: "undecodable"}
	for procedure, args := range argsWithFlags("virtlockd", 1, 0) {
		b := args.Append(nil)
		undecodable.calls = append(undecodable.calls, call(procedure, rawArgs(b[:len(b)-1])), call(procedure, rawArgs(bytes.Repeat([]byte{0xff}, 3))))
	}
	shutdown := one("shutdown", virnet.AdminDaemonShutdown, virnet.FlagsArgs{Flags: 4})
	shutdown.wanted = &difference{"libvirt has it since 11.2.0", "unknown procedure: 20", "unsupported flags (0x4) in function adminConnectDaemonShutdown"}
	return append(cases, undecodable, shutdown)
}
