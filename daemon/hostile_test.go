package daemon_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"virtlock/client/api"
	"virtlock/daemon"
	"virtlock/daemon/daemontest"
	"virtlock/daemon/internal/virnet"
)

// bystander is a client of each protocol, whom no other client may disturb.
type bystander struct {
	t    testing.TB
	json *jsonConn
	rpc  *rpcConn
	disk string
}

func newBystander(t testing.TB, socket string) *bystander {
	t.Helper()
	b := &bystander{t, registerAs(t, socket, "bystander"), dialRPC(t, socket), newFile(t, t.TempDir(), "bystander.img")}
	if err := b.rpc.register(newGuest(t).PID); err != nil {
		t.Fatal(err)
	}
	return b
}

// works fails the test unless both clients are served.
func (b *bystander) works() {
	b.t.Helper()
	if code := b.json.acquire(b.disk); code != "" {
		b.t.Fatalf("bystander: acquire: %s", code)
	}
	if err := b.rpc.acquire("", b.disk); code(b.t, err) != virnet.CodeResourceBusy {
		b.t.Fatalf("bystander: acquire of what is held: %v", err)
	}
	if code := b.json.release(b.disk); code != "" {
		b.t.Fatalf("bystander: release: %s", code)
	}
	if err := b.rpc.acquire("", b.disk); err != nil {
		b.t.Fatalf("bystander: acquire: %v", err)
	}
	if err := b.rpc.release("", b.disk); err != nil {
		b.t.Fatalf("bystander: release: %v", err)
	}
}

// hostileBed is a daemon of which nothing may be left behind.
type hostileBed struct {
	*bystander
	socket            string
	files, goroutines int
	heap              uint64
}

func newHostileBed(t testing.TB) *hostileBed {
	t.Helper()
	d := daemontest.StartWith(t, func(c *daemon.Config) { c.Settings.MaxClients = 4096 })
	b := &hostileBed{bystander: newBystander(t, d.Socket), socket: d.Socket}
	b.works()
	b.files, b.goroutines, b.heap = openFiles(t, os.Getpid()), runtime.NumGoroutine(), heapInUse()
	return b
}

// heapInUse is how many bytes are in use, in the daemon and in the test.
func heapInUse() uint64 {
	runtime.GC()
	runtime.GC() // what a sync.Pool holds lives through one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// boundedHeap fails the test if the heap has grown by more than so many bytes.
func (b *hostileBed) boundedHeap(most uint64) {
	b.t.Helper()
	if heap := heapInUse(); heap > b.heap+most {
		b.t.Errorf("the heap has grown by %d bytes, more than %d", heap-b.heap, most)
	}
}

// unharmed fails the test unless everybody else is served and nothing is left
// of those who have gone.
func (b *hostileBed) unharmed() {
	b.t.Helper()
	b.works()
	eventually(b.t, "all descriptors are closed", func() bool { return openFiles(b.t, os.Getpid()) <= b.files })
	eventually(b.t, "all goroutines have ended", func() bool { return runtime.NumGoroutine() <= b.goroutines })
	if s := b.json.status(); s.Locks != 0 || s.Waiters != 0 || s.Clients != 2 || s.Subscribers != 0 {
		b.t.Errorf("left behind: %+v", s)
	}
	b.boundedHeap(4 << 20) // a part of it is the test's
}

// rpcStarts are the first bytes of something that is never finished or wrong.
var rpcStarts = map[string][]byte{
	"one byte":                     {0},
	"a length":                     {0, 0, 0, 0x40},
	"a length of 32 MiB":           append([]byte{2, 0, 0, 4}, "ten bytes."...),
	"half a header":                {0, 0, 0, 0x40, 0x0e, 0xa7, 0xbe, 0xef, 0, 0},
	"a header without its payload": virnet.AppendMessage(nil, lockCall(1), make([]byte, 36))[:28],
	"an opening brace":             []byte(`{`),
	"half a line":                  []byte(`{"id":1,"method":"lock.ac`),
	"a line without its end":       []byte(`{"id":1,"method":"lock.list"}`),
	"white space":                  []byte(" "),
	"nothing":                      nil,
}

func TestHalfAMessageThenSilence(t *testing.T) {
	b := newHostileBed(t)
	for name, start := range rpcStarts {
		c := dial(t, b.socket)
		if _, err := c.Write(start); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		b.works()
		c.Close()
	}
	b.unharmed()
}

func TestWrongFirstByteEndsTheConnection(t *testing.T) {
	b := newHostileBed(t)
	for _, first := range []byte{3, 'G', '[', '"', 0x7f, 0x80, 0xff} {
		c := dialJSON(t, b.socket)
		c.Write([]byte{first})
		if !c.ended() {
			t.Errorf("byte %#x: the connection goes on", first)
		}
		c.Close()
	}
	b.unharmed()
}

// TestMemoryFollowsBytesReceived, not bytes promised.
func TestMemoryFollowsBytesReceived(t *testing.T) {
	b := newHostileBed(t)
	const connections = 1000
	var conns []*rpcConn
	for range connections {
		c := dialRPC(t, b.socket)
		c.Write(append(bytes.Clone(ping), rpcStarts["a length of 32 MiB"]...))
		conns = append(conns, c)
	}
	for _, c := range conns { // all of it was read then
		if reply, err := c.reply(); err != nil || !bytes.Equal(reply, pong) {
			t.Fatal(err)
		}
	}
	b.works()
	b.boundedHeap(connections * 16 << 10)
	for _, c := range conns {
		c.Close()
	}
	b.unharmed()
}

func TestLineThatIsTooLong(t *testing.T) {
	b := newHostileBed(t)
	c := dialJSON(t, b.socket)
	request := `{"id":1,"method":"lockspace.list"}`
	fits := request + strings.Repeat(" ", api.MaxLine-len(request)-1)
	if got := c.ask("%s", fits); !strings.Contains(got, `"result"`) {
		t.Errorf("a line of %d bytes with its newline: %s", api.MaxLine, got)
	}
	const refusal = `{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"a request takes at most 1 MiB",`
	if got := c.ask("%s", fits+" "); !strings.HasPrefix(got, refusal) {
		t.Errorf("a line of one byte more: %s", got)
	}
	part := bytes.Repeat([]byte("x"), 1<<20)
	c.Write([]byte(`{"id":1,"method":"`))
	for i := range 100 {
		if _, err := c.Write(part); err != nil {
			t.Fatal(err)
		}
		if i%20 == 0 {
			b.boundedHeap(8 << 20)
		}
	}
	if got := c.ask(""); !strings.HasPrefix(got, refusal) {
		t.Errorf("a line of 100 MiB: %s", got)
	}
	c.silent() // and it goes on
	c.Close()
	b.unharmed()
}

func TestDeeplyNested(t *testing.T) {
	b := newHostileBed(t)
	c := dialJSON(t, b.socket)
	c.silent() // its first byte said that it speaks JSON
	deep := strings.Repeat("[", 1_000_000)
	for _, line := range []string{deep, `{"id":1,"params":` + deep, strings.Repeat(`{"a":`, 200_000)} {
		if got := c.ask("%s", line); !strings.Contains(got, `"code":-32700`) {
			t.Errorf("%s", got)
		}
	}
	c.silent()
	c.Close()
	b.unharmed()
}

// TestClientThatNeverReads fills its own buffers, and nobody else's.
func TestClientThatNeverReads(t *testing.T) {
	b := newHostileBed(t)
	j, r := registerAs(t, b.socket, "deaf"), dialRPC(t, b.socket)
	flood(j, []byte(`{"id":1,"method":"client.list"}`+"\n"))
	flood(r, r.message(99, virnet.FlagsArgs{}))
	for range 50 {
		b.works()
	}
	b.boundedHeap(4 << 20)
	j.Close()
	r.Close()
	b.unharmed()
}

// flood sends requests and reads no replies, until the daemon reads no more.
func flood(c net.Conn, request []byte) {
	for {
		c.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		if _, err := c.Write(request); err != nil {
			return
		}
	}
}

// TestDisconnectInTheMiddle ends connections at every point of a conversation.
func TestDisconnectInTheMiddle(t *testing.T) {
	guest := newGuest(t).PID
	b := newHostileBed(t)
	held := newFile(t, t.TempDir(), "held.img")
	b.json.acquire(held)
	free := newFile(t, t.TempDir(), "free.img")
	var r rpcConn
	conversations := [][]byte{
		bytes.Join([][]byte{
			r.message(virnet.ProcRegister, registration(guest)),
			r.message(virnet.ProcAcquire, virnet.Resource{Name: held}),
			ping,
		}, nil),
		[]byte(`{"method":"owner.register"}` + "\n" +
			`{"method":"event.subscribe"}` + "\n" +
			fmt.Sprintf(`{"method":"lock.acquire","params":{"resources":%s}}`, resources("", free)) + "\n" +
			fmt.Sprintf(`{"method":"lock.acquire","params":{"resources":%s,"wait_ms":-1}}`, resources("", held)) + "\n" +
			`{"id":1,"method":"lock.list"}` + "\n"),
	}
	for _, all := range conversations {
		for n := 1; n <= len(all); n += 3 {
			c := dial(t, b.socket)
			if _, err := c.Write(all[:n]); err != nil {
				t.Fatal(err)
			}
			c.Close()
		}
	}
	last := dialJSON(t, b.socket)
	last.status() // they are accepted in order, so all others have been
	last.Close()
	gone := func() bool { return b.json.status().Clients == 2 }
	eventually(t, "all others have gone", gone) // or one of them may have what is free now
	b.json.release(held)
	b.unharmed()
}
