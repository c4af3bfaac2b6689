package peer

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// helperEnv makes this test binary a program that connects to a socket.
const helperEnv = "PEER_TEST_SOCKET"

func TestMain(m *testing.M) {
	if socket := os.Getenv(helperEnv); socket != "" {
		c, err := net.Dial("unix", socket)
		if err == nil {
			c.Read(make([]byte, 1)) // until the test is done with it
		}
		return
	}
	os.Exit(m.Run())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func listen(t *testing.T) (l *net.UnixListener, path string) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "peer")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.Chmod(dir, 0o755))
	path = filepath.Join(dir, "sock")
	l, err = net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	must(t, err)
	t.Cleanup(func() { l.Close() })
	must(t, os.Chmod(path, 0o777))
	must(t, l.SetDeadline(time.Now().Add(10*time.Second)))
	return l, path
}

// of gives the credentials of a connection's peer.
func of(t *testing.T, c *net.UnixConn) (Credentials, error) {
	t.Helper()
	f, err := c.File()
	must(t, err)
	defer f.Close()
	return Of(int(f.Fd()))
}

func self() Credentials {
	return Credentials{PID: os.Getpid(), UID: os.Geteuid(), GID: os.Getegid()}
}

func TestSelf(t *testing.T) {
	l, path := listen(t)
	client, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	must(t, err)
	defer client.Close()
	server, err := l.AcceptUnix()
	must(t, err)
	for end, c := range map[string]*net.UnixConn{"client": client, "server": server} {
		if got, err := of(t, c); err != nil || got != self() {
			t.Errorf("%s: %+v, %v", end, got, err)
		}
	}
	must(t, server.Close())
	if got, err := Of(-1); err == nil || got != (Credentials{}) {
		t.Errorf("of no connection: %+v, %v", got, err)
	}
	// Who connected stays known.
	if got, err := of(t, client); err != nil || got != self() {
		t.Errorf("of a connection whose peer has left: %+v, %v", got, err)
	}
}

func TestSocketpair(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	defer unix.Close(fds[1])
	defer unix.Close(fds[0])
	if got, err := Of(fds[0]); err != nil || got != self() {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAnotherProgramOfAnotherUser(t *testing.T) {
	l, path := listen(t)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), helperEnv+"="+path, "GORACE=atexit_sleep_ms=0")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65533}}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	must(t, cmd.Start())
	c, err := l.AcceptUnix()
	must(t, err)
	want := Credentials{PID: cmd.Process.Pid, UID: 65534, GID: 65533}
	if got, err := of(t, c); err != nil || got != want {
		t.Errorf("%+v, %v, not %+v", got, err, want)
	}
	must(t, c.Close())
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v: %s", err, &stderr)
	}
}
