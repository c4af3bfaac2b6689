package main

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// manager is the socket of a service manager, and what it was told.
type manager struct {
	t        *testing.T
	address  string // as in NOTIFY_SOCKET
	conn     *net.UnixConn
	messages chan message
}

// message is a notification and the process that it came from.
type message struct {
	text string
	pid  int
}

// newManager listens at a path, or after an @ at an abstract name.
func newManager(t *testing.T, address string) *manager {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	m := &manager{t, address, conn, make(chan message, 1000)}
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go m.listen()
	return m
}

func (m *manager) listen() {
	defer close(m.messages)
	text, control := make([]byte, 8192), make([]byte, 256)
	for {
		n, size, _, _, err := m.conn.ReadMsgUnix(text, control)
		if err != nil {
			return
		}
		got := message{text: string(text[:n])}
		parts, err := unix.ParseSocketControlMessage(control[:size])
		if err == nil && len(parts) == 1 {
			if cred, err := unix.ParseUnixCredentials(&parts[0]); err == nil {
				got.pid = int(cred.Pid)
			}
		}
		m.messages <- got
	}
}

// next waits for a message that has a field.
func (m *manager) next(field string) message {
	m.t.Helper()
	return m.await(field, func(got message) bool { return strings.Contains("\n"+got.text+"\n", "\n"+field+"\n") })
}

// nextAny waits for a message, whatever it says.
func (m *manager) nextAny() message {
	m.t.Helper()
	return m.await("anything", func(message) bool { return true })
}

func (m *manager) await(what string, is func(message) bool) message {
	m.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case got := <-m.messages:
			if is(got) {
				return got
			}
		case <-deadline:
			m.t.Fatalf("was never told %s", what)
		}
	}
}

// wantNoMore checks that nothing more was told.
func (m *manager) wantNoMore() {
	m.t.Helper()
	const last = "LAST=1"
	if err := sendDatagram(m.address, last); err != nil {
		m.t.Fatal(err)
	}
	for got := range m.messages {
		if got.text == last {
			return
		}
		m.t.Errorf("then told %q", got.text)
	}
}

// value is what a field of a message has after its =.
func (m message) value(field string) string {
	_, after, _ := strings.Cut("\n"+m.text, "\n"+field+"=")
	value, _, _ := strings.Cut(after, "\n")
	return value
}

// startFor starts our daemon as a service manager does. In the variables, $$ is
// the daemon's PID.
func (h *host) startFor(m *manager, variables string, options ...string) *process {
	h.t.Helper()
	return h.startProgramFor(m, ours, variables, options...)
}

func (h *host) startProgramFor(m *manager, program, variables string, options ...string) *process {
	h.t.Helper()
	words := daemonWords(program, options...)
	cmd := h.command(append([]string{"sh", "-c", variables + ` exec "$@"`, "sh"}, words...)...)
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+m.address)
	return startCommand(h.t, cmd)
}

const servingStatus = "Serving on /run/libvirt/virtlockd-sock"

// Whoever is told that the daemon is ready finds that it answers.
func TestNotifiedOfAStart(t *testing.T) {
	h := newHost(t)
	for _, address := range []string{h.path("notify"), "@virtlockd-test-" + strconv.Itoa(syscall.Getpid())} {
		m := newManager(t, address)
		p := h.startFor(m, "")
		got := m.next("READY=1")
		checkContains(t, ask(t, h.adminSocket(), "daemon.status"), fmt.Sprintf(`"pid":%d`, p.pid()))
		want := fmt.Sprintf("READY=1\nMAINPID=%d\nSTATUS=%s", p.pid(), servingStatus)
		if got.text != want || got.pid != p.pid() {
			t.Errorf("%s: got %q from %d", address, got.text, got.pid)
		}
		p.end()
		if got := m.next("STOPPING=1"); got.text != "STOPPING=1\nSTATUS=Ending" {
			t.Errorf("at the end: %q", got.text)
		}
		m.wantNoMore()
	}
}

// Also an end that no signal brings is told.
func TestNotifiedOfAnEnd(t *testing.T) {
	h := newHost(t)
	m := newManager(t, h.path("notify"))
	p := h.startFor(m, "", "-t", "1")
	m.next("READY=1")
	m.next("STOPPING=1")
	if got := p.wait(); got.status != exitOK {
		t.Errorf("got %+v", got)
	}
	m.wantNoMore()
}

func TestNotifiedOfAReload(t *testing.T) {
	h := newHost(t)
	m := newManager(t, h.path("notify"))
	p := h.startFor(m, "")
	m.next("READY=1")
	for configuration, want := range map[string]string{
		"max_clients = 8": servingStatus,
		"max_clients = 'a'": servingStatus + "; Reading the configuration again has failed: Can't load config file: " +
			"internal error: virtlockd.conf: expected an unsigned integer for 'max_clients' parameter: virtlockd.conf",
	} {
		h.write("work/virtlockd.conf", configuration)
		before := monotonicTime().Microseconds()
		p.signal(syscall.SIGHUP)
		begun := m.next("RELOADING=1")
		at, err := strconv.ParseInt(begun.value("MONOTONIC_USEC"), 10, 64)
		if after := monotonicTime().Microseconds(); err != nil || at < before || at > after {
			t.Errorf("reload at %d in %q, between %d and %d", at, begun.text, before, after)
		}
		if status := begun.value("STATUS"); status != "Reading the configuration again" {
			t.Errorf("status %q during the reload", status)
		}
		if status := m.next("READY=1").value("STATUS"); status != want {
			t.Errorf("status %q after the reload", status)
		}
	}
	p.end()
}

// In the background it is the command that the service manager knows and hears,
// and then the daemon.
func TestNotifiedInTheBackground(t *testing.T) {
	h := newHost(t)
	m := newManager(t, h.path("notify"))
	p := h.startFor(m, "WATCHDOG_PID=$$ WATCHDOG_USEC=100000", "-d")
	if got := p.wait(); got != (result{}) {
		t.Fatalf("got %+v", got)
	}
	pid := h.background()
	for got := range m.messages {
		if got.text == "WATCHDOG=1" {
			continue // perhaps too early for systemd, which does no harm
		}
		if got.pid != p.pid() || got.value("MAINPID") != strconv.Itoa(pid) || got.value("READY") != "1" {
			t.Errorf("got %q from %d", got.text, got.pid)
		}
		break
	}
	if got := m.next("WATCHDOG=1"); got.pid != pid {
		t.Errorf("the watchdog heard of %d", got.pid)
	}
	syscall.Kill(pid, syscall.SIGTERM)
	if got := m.next("STOPPING=1"); got.pid != pid {
		t.Errorf("%d told the end", got.pid)
	}
	if status := h.reap(pid); status != exitOK {
		t.Errorf("ended with status %d", status)
	}
}

// Nobody to tell, or nobody who listens, is no reason not to serve.
func TestNobodyToNotify(t *testing.T) {
	h := newHost(t)
	for address, want := range map[string]string{
		"":                  "",
		h.path("nothing"):   "cannot notify the service manager",
		"vsock:2:1":         "is neither a path nor an abstract name",
		"@virtlockd-nobody": "connection refused",
	} {
		p := h.startFor(&manager{address: address}, "WATCHDOG_USEC=1000000")
		p.awaitSocket(h.adminSocket())
		checkContains(t, ask(t, h.socket(), "daemon.status"), fmt.Sprintf(`"pid":%d`, p.pid()))
		got := p.end()
		if checkContains(t, got.stderr, want); want == "" && got.stderr != "" {
			t.Errorf("logged %q", got.stderr)
		}
	}
}

// A service manager that hangs holds up nothing: neither the start nor the end.
func TestAServiceManagerThatHangs(t *testing.T) {
	h := newHost(t)
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: h.path("notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for full := false; !full; { // its queue
		full = sendDatagram(h.path("notify"), "READY=1") != nil
	}
	p := h.startFor(&manager{address: h.path("notify")}, "")
	p.awaitSocket(h.adminSocket())
	checkContains(t, ask(t, h.socket(), "daemon.status"), "result")
	checkContains(t, p.end().stderr, "i/o timeout")
}

func TestOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"as it is":                           "as it is",
		"two\nREADY=0\x00":                   "two READY=0\x00",
		"a\xffb":                             "ab",
		strings.Repeat("é", maxStatus):       strings.Repeat("é", maxStatus/2),
		"x" + strings.Repeat("é", maxStatus): "x" + strings.Repeat("é", maxStatus/2-1),
	} {
		if got := oneLine(text); got != want {
			t.Errorf("%.20q became %q", text, got)
		}
	}
}
