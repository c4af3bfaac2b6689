package daemon_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"virtlock/daemon"
	"virtlock/daemon/daemontest"
	"virtlock/daemon/internal/virnet"
)

// virtAdmin is libvirt's own client of the admin program.
const virtAdmin = "/usr/bin/virt-admin"

// adminSide is one of the two daemons, with a client on its main socket.
type adminSide struct {
	admin  string // the path of its admin socket
	client uint64 // what it calls the client
}

// startSides starts libvirt's daemon and ours.
func startSides(t *testing.T) (theirs, ours adminSide) {
	t.Helper()
	if _, err := os.Stat(virtAdmin); err != nil {
		t.Fatalf("virt-admin is needed (package libvirt-clients): %v", err)
	}
	main := startLibvirts(t)
	theirs = newSide(t, main, adminSocketOf(t, main))
	d := daemontest.StartWith(t, func(c *daemon.Config) {
		// As libvirt's daemon in the foreground: without outputs, to stderr.
		log, err := daemon.OpenLog(daemon.Settings{LogLevel: 3, LogOutputs: "4:file:/dev/null"}, "stderr")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(log.Close)
		c.Log = log
	})
	ours = newSide(t, d.Socket, d.AdminSocket)
	for _, side := range []adminSide{theirs, ours} {
		a := dialAdmin(t, side.admin)
		a.must(t, virnet.AdminSetLoggingOutputs, virnet.LoggingArgs{Setting: new("4:file:/dev/null")})
	}
	return theirs, ours
}

// adminSocketOf gives libvirt's admin socket beside its main one, once it is
// there.
func adminSocketOf(t *testing.T, main string) string {
	t.Helper()
	admin := filepath.Join(filepath.Dir(main), "virtlockd-admin-sock")
	eventually(t, "the admin socket answers", func() bool {
		c, err := net.Dial("unix", admin)
		if err != nil {
			return false
		}
		c.Close()
		return true
	})
	return admin
}

// newSide connects a client to the main socket. libvirt's daemon knows who it is
// from its first call on.
func newSide(t *testing.T, main, admin string) adminSide {
	t.Helper()
	c := dialRPC(t, main)
	if err := c.call(virnet.ProcRestrict, virnet.Restrict{}); code(t, err) != virnet.CodeOperationInvalid {
		t.Fatal(err)
	}
	clients := dialAdmin(t, admin).list(t, "virtlockd")
	if len(clients) == 0 {
		t.Fatal("no client on the main socket")
	}
	return adminSide{admin, clients[len(clients)-1].ID}
}

// adminConn is a connection that speaks the admin program.
type adminConn struct{ *rpcConn }

func dialAdmin(t testing.TB, socket string) adminConn {
	t.Helper()
	return adminConn{dialRPC(t, socket)}
}

// message makes a call of the admin program.
func (c adminConn) message(procedure int32, args virnet.Payload) []byte {
	h := virnet.Header{Program: virnet.ProgramAdmin, Version: virnet.Version, Procedure: procedure, Serial: c.serial}
	return virnet.AppendMessage(nil, h, args.Append(nil))
}

// call calls a procedure and gives the results, or a *virnet.Error.
func (c adminConn) call(procedure int32, args virnet.Payload) ([]byte, error) {
	if _, err := c.Write(c.message(procedure, args)); err != nil {
		return nil, err
	}
	message, err := c.reply()
	if err != nil {
		return nil, err
	}
	h, payload := virnet.ParseHeader(message)
	if h.Status == virnet.OK {
		return payload, nil
	}
	failure := new(virnet.Error)
	if err := failure.Decode(payload); err != nil {
		return nil, err
	}
	return nil, failure
}

// must calls a procedure that has to work.
func (c adminConn) must(t testing.TB, procedure int32, args virnet.Payload) []byte {
	t.Helper()
	results, err := c.call(procedure, args)
	if err != nil {
		t.Fatalf("procedure %d: %v", procedure, err)
	}
	return results
}

// list lists the clients of a server.
func (c adminConn) list(t testing.TB, server string) []virnet.AdminClient {
	t.Helper()
	var r virnet.ClientsResult
	results := c.must(t, virnet.AdminListClients, virnet.ListClientsArgs{Server: server, NeedResults: true})
	if err := r.Decode(results); err != nil {
		t.Fatal(err)
	}
	return r.Clients
}

// TestVirtAdmin runs libvirt's virt-admin against libvirt's daemon and ours: it
// has to print the same and to end with the same status.
func TestVirtAdmin(t *testing.T) {
	theirs, ours := startSides(t)
	for _, c := range virtAdminCases {
		t.Run(c.line, func(t *testing.T) {
			want, got := theirs.run(t, c.line), ours.run(t, c.line)
			if c.wanted != nil {
				if !strings.Contains(want, c.wanted.theirs) {
					t.Errorf("no difference any more (%s):\n%s", c.wanted.why, want)
				}
				want = strings.ReplaceAll(want, c.wanted.theirs, c.wanted.ours)
			}
			if got != want {
				t.Errorf("with libvirt's daemon:\n%s\nwith ours:\n%s", want, got)
			}
		})
	}
}

// run runs a command and gives its output and status, without what has to
// differ. A _ in the command stands for a space inside a word.
func (s adminSide) run(t *testing.T, line string) string {
	t.Helper()
	words := []string{"-c", "virtlockd:///system?socket=" + s.admin}
	for word := range strings.FieldsSeq(strings.ReplaceAll(line, "CLIENT", strconv.FormatUint(s.client, 10))) {
		words = append(words, strings.ReplaceAll(word, "_", " "))
	}
	cmd := exec.Command(virtAdmin, words...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	text := fmt.Sprintf("stdout:\n%s\nstderr:\n%s\n%v", stdout.String(), stderr.String(), cmd.ProcessState)
	text = strings.ReplaceAll(text, s.admin, "SOCKET")
	if strings.HasSuffix(line, "-list") { // the servers come in no certain order
		lines := strings.Split(serverRow.ReplaceAllString(text, " $1"), "\n")
		slices.Sort(lines)
		text = strings.Join(lines, "\n")
	}
	for _, m := range mayDiffer {
		text = m.pattern.ReplaceAllString(text, m.replacement)
	}
	return text
}

var serverRow = regexp.MustCompile(`(?m)^ [01]    +(virtlockd|admin)$`)

// mayDiffer are the only things in which the output may differ: numbers of
// connections, which libvirt counts for each socket, and times.
var mayDiffer = []struct {
	pattern     *regexp.Regexp
	replacement string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d{4}`), "TIME"},
	{regexp.MustCompile(`(?m)^ \d+ +unix +TIME$`), " ID unix TIME"},
	{regexp.MustCompile(`(?m)^id +: \d+$`), "id: ID"},
	{regexp.MustCompile(`Client '\d+' disconnected`), "Client 'ID' disconnected"},
	{regexp.MustCompile(`No client with matching ID '\d+'`), "No client with matching ID 'ID'"},
}
