package daemon_test

import (
	"strings"
	"testing"

	"virtlock/daemon"
	"virtlock/daemon/daemontest"
	"virtlock/daemon/internal/virnet"
)

// setMax sets how many clients a server may have, unauthenticated ones too.
func (c adminConn) setMax(t *testing.T, server string, most int) {
	t.Helper()
	c.must(t, virnet.AdminSetClientLimits, virnet.ServerParamsArgs{
		Server: server, Params: uints("nclients_max", most, "nclients_unauth_max", most),
	})
}

// refused reports whether a new client hears that there are too many.
func refused(t *testing.T, socket string) bool {
	t.Helper()
	err := dialRPC(t, socket).call(virnet.ProcRestrict, virnet.Restrict{})
	return err != nil && strings.Contains(err.Error(), "too many clients")
}

// TestAdminLimits demands that limits set at run time hold for those who come,
// that those who are there stay, and that a reload goes back to the file's.
func TestAdminLimits(t *testing.T) {
	file := daemon.DefaultSettings()
	d := daemontest.StartWith(t, func(c *daemon.Config) {
		c.ReadSettings = func() (daemon.Settings, error) { return file, nil }
	})
	first, second := dialRPC(t, d.Socket), dialRPC(t, d.Socket)
	if !first.answersPing() || !second.answersPing() {
		t.Fatal("no answer")
	}
	a := dialAdmin(t, d.AdminSocket)
	a.setMax(t, "virtlockd", 1)
	if !first.answersPing() || !second.answersPing() {
		t.Error("a client that was there has gone")
	}
	if !refused(t, d.Socket) {
		t.Error("a client above the limit was served")
	}
	a.setMax(t, "virtlockd", 3)
	if refused(t, d.Socket) {
		t.Error("a client within the limit was refused")
	}
	a.setMax(t, "virtlockd", 0)
	if !refused(t, d.Socket) {
		t.Error("a client was served where none may be")
	}
	if err := d.Reload(); err != nil {
		t.Fatal(err)
	}
	if refused(t, d.Socket) {
		t.Error("the limits of the file do not hold")
	}
}

// TestAdminLimitOfAdmins demands an answer from a full admin socket, too.
func TestAdminLimitOfAdmins(t *testing.T) {
	d := daemontest.Start(t)
	a := dialAdmin(t, d.AdminSocket)
	a.setMax(t, "admin", 1)
	_, err := dialAdmin(t, d.AdminSocket).call(virnet.AdminConnectOpen, virnet.FlagsArgs{})
	if code(t, err) != virnet.CodeOperationFailed {
		t.Errorf("above the limit: %v", err)
	}
	if refused(t, d.Socket) {
		t.Error("the main socket has another limit")
	}
}
