package daemon_test

import (
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"virtlock/daemon/daemontest"
	"virtlock/daemon/internal/virnet"
)

// clientCases are about the client on the main socket, and end it.
func clientCases() []adminWireCase {
	info := func(server string) adminCall {
		return adminCall{virnet.AdminClientGetInfo, func(id uint64) virnet.Payload {
			// Only the server and the number count.
			return virnet.ClientArgs{Client: virnet.AdminClient{Server: server, ID: id, Connected: 1, Transport: virnet.TransportTLS}}
		}}
	}
	end := adminCall{virnet.AdminClientClose, func(id uint64) virnet.Payload {
		return virnet.ClientArgs{Client: virnet.AdminClient{Server: "virtlockd", ID: id}}
	}}
	count := call(virnet.AdminListClients, virnet.ListClientsArgs{Server: "virtlockd"})
	none := call(virnet.AdminListClients, virnet.ListClientsArgs{Server: "virtlockd", NeedResults: true})
	limits := call(virnet.AdminGetClientLimits, virnet.ServerArgs{Server: "virtlockd"})
	return []adminWireCase{
		{name: "info", calls: []adminCall{info("virtlockd")}},
		{name: "close", calls: []adminCall{count, limits, end, count, none, limits}},
	}
}

// close closes a connection by its place among the clients of the main socket.
func (c adminConn) close(t *testing.T, place int) {
	t.Helper()
	client := c.list(t, "virtlockd")[place]
	c.must(t, virnet.AdminClientClose, virnet.ClientArgs{Client: client})
}

// ends reports whether the connection is closed by the daemon.
func (c *rpcConn) ends() bool {
	_, err := c.reply()
	return errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET)
}

// TestAdminCloseKeepsLocks demands that a closed connection costs no guest its
// lock nor its life (law 5), whether libvirtd asked for the guest or the guest
// itself, as which this process stands here.
func TestAdminCloseKeepsLocks(t *testing.T) {
	guest := newGuest(t)
	for name, pid := range map[string]int{"for a guest": guest.PID, "the guest itself": os.Getpid()} {
		t.Run(name, func(t *testing.T) {
			d := daemontest.Start(t)
			disk := newFile(t, t.TempDir(), "disk")
			owner := dialRPC(t, d.Socket)
			if err := errors.Join(owner.register(pid), owner.acquire("", disk)); err != nil {
				t.Fatal(err)
			}
			dialAdmin(t, d.AdminSocket).close(t, 0)
			if !owner.ends() {
				t.Fatal("the connection goes on")
			}
			other := dialRPC(t, d.Socket)
			if err := other.register(newGuest(t).PID); err != nil {
				t.Fatal(err)
			}
			if err := other.acquire("", disk); code(t, err) != virnet.CodeResourceBusy {
				t.Errorf("the lock went with the connection: %v", err)
			}
			if !guest.lives() {
				t.Error("the guest was killed")
			}
		})
	}
}

// TestAdminCloseEndsWhatIsTied demands that locks that are tied to a connection
// go with it, and that its calls end that wait.
func TestAdminCloseEndsWhatIsTied(t *testing.T) {
	d := daemontest.Start(t)
	dir := t.TempDir()
	disk, wanted := newFile(t, dir, "disk"), newFile(t, dir, "wanted")
	closed, holder, next := registerAs(t, d.Socket, "closed"), registerAs(t, d.Socket, "holder"), registerAs(t, d.Socket, "next")
	const acquire = `{"resources":[{"lockspace":"","name":%q}],"wait_ms":20000}`
	closed.must("lock.acquire", acquire, disk)
	holder.must("lock.acquire", acquire, wanted)
	closed.send(`{"id":9,"method":"lock.acquire","params":`+acquire+`}`, wanted)
	eventually(t, "the call waits", func() bool { return holder.status().Waiters == 1 })
	dialAdmin(t, d.AdminSocket).close(t, 0)
	next.must("lock.acquire", acquire, disk)
	if n := holder.status().Waiters; n != 0 {
		t.Errorf("%d calls wait", n)
	}
}

// TestAdminCloseOfItself demands of both daemons that who closes its own
// connection is not answered.
func TestAdminCloseOfItself(t *testing.T) {
	theirs, ours := startSides(t)
	for _, side := range []adminSide{theirs, ours} {
		a := dialAdmin(t, side.admin)
		clients := a.list(t, "admin")
		itself := clients[len(clients)-1]
		if _, err := a.Write(a.message(virnet.AdminClientClose, virnet.ClientArgs{Client: itself})); err != nil {
			t.Fatal(err)
		}
		if !a.ends() {
			t.Errorf("%s goes on", side.admin)
		}
	}
}

// TestAdminInfoOfSilentClient demands that we know who a client is before it
// says anything, and shows that libvirt's daemon does not.
func TestAdminInfoOfSilentClient(t *testing.T) {
	main := startLibvirts(t)
	theirs := adminSocketOf(t, main)
	d := daemontest.Start(t)
	silentInfo := func(main, admin string, before uint64) error {
		dial(t, main)
		a := dialAdmin(t, admin)
		var client virnet.AdminClient
		eventually(t, "the client is seen", func() bool {
			clients := a.list(t, "virtlockd")
			if len(clients) > 0 {
				client = clients[len(clients)-1]
			}
			return client.ID > before
		})
		results, err := a.call(virnet.AdminClientGetInfo, virnet.ClientArgs{Client: client})
		if err != nil {
			return err
		}
		var info virnet.ParamsResult
		if err := info.Decode(results); err != nil {
			t.Fatal(err)
		}
		if pid := (virnet.TypedParam{Field: "unix_process_id", Value: int32(os.Getpid())}); !slices.Contains(info.Params, pid) {
			t.Errorf("no %v in %v", pid, info.Params)
		}
		return nil
	}
	// startLibvirts has connected once before.
	if err := silentInfo(main, theirs, 1); err == nil || !strings.Contains(err.Error(), "No identity information available for client") {
		t.Errorf("no difference any more: %v", err)
	}
	if err := silentInfo(d.Socket, d.AdminSocket, 0); err != nil {
		t.Error(err)
	}
}
