package bed

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What a machine is made with.
const (
	nspawn  = "/usr/bin/systemd-nspawn"
	systemd = "/usr/lib/systemd/systemd"
	socat   = "/usr/bin/socat"
)

// Machine is a container with a systemd that has booted: all files are those of
// this machine, and what is written is its own. Our units and programs are
// installed in it.
type Machine struct {
	// Shared is a directory that is the same outside and inside.
	Shared string

	t       testing.TB
	root    string
	nspawn  *exec.Cmd
	done    chan struct{} // closed when nspawn has ended
	console *os.File
	init    int // the PID of its systemd, outside
}

// target is what the machine boots: no more than takes sockets and a journal.
const target = `[Unit]
Requires=basic.target
After=basic.target
AllowIsolate=yes
`

// Boot makes a machine and boots it. The files are written to it first. It is
// torn down after the test, and if that is killed, with the namespaces of Main.
func Boot(t testing.TB, files map[string]string) *Machine {
	t.Helper()
	Need(t, nspawn, systemd, socat)
	m := &Machine{t: t, Shared: Dir(t), done: make(chan struct{})}
	m.mountRoot()
	Install(t, m.root)
	m.Write("/etc/systemd/system/test.target", target)
	m.Write("/etc/machine-id", "") // a new one
	for name, text := range files {
		m.Write(name, text)
	}
	sockets := exec.Command("systemctl", "--quiet", "--root="+m.root, "enable", "virtlockd.socket")
	if out, err := sockets.CombinedOutput(); err != nil {
		t.Fatalf("enable sockets: %v: %s", err, out)
	}
	m.start()
	Eventually(t, "the machine has booted", m.hasBooted)
	return m
}

// mountRoot makes a root directory of this machine's own.
func (m *Machine) mountRoot() {
	m.t.Helper()
	dir := Dir(m.t)
	m.root = filepath.Join(dir, "root")
	for _, name := range []string{"root", "upper", "work"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			m.t.Fatal(err)
		}
	}
	layers := fmt.Sprintf("lowerdir=/,upperdir=%s/upper,workdir=%[1]s/work", dir)
	if err := unix.Mount("overlay", m.root, "overlay", 0, layers); err != nil {
		m.t.Fatalf("mount overlay of /: %v", err)
	}
}

// start starts the container in control groups of its own: two that share one
// would take each other's services for theirs.
func (m *Machine) start() {
	m.t.Helper()
	groups := newControlGroups(m.t)
	var err error
	if m.console, err = os.Create(filepath.Join(filepath.Dir(m.root), "console")); err != nil {
		m.t.Fatal(err)
	}
	enter := ""
	for _, group := range groups {
		enter += "echo $$ >" + group.path + "/cgroup.procs && "
	}
	m.nspawn = exec.Command("sh", "-c", enter+`exec "$@"`,
		"sh", nspawn, "--directory="+m.root, "--bind="+m.Shared,
		"--register=no", "--keep-unit", "--private-network", "--link-journal=no", "--console=pipe",
		"--boot", "systemd.unit=test.target")
	m.nspawn.Stdout, m.nspawn.Stderr = m.console, m.console
	if err := m.nspawn.Start(); err != nil {
		m.t.Fatal(err)
	}
	go func() {
		defer close(m.done)
		_ = m.nspawn.Wait()
	}()
	m.t.Cleanup(func() { m.close(groups) })
}

// close ends all that runs in the machine: the kernel does when its init is killed.
func (m *Machine) close(groups []controlGroup) {
	if m.init != 0 {
		unix.Kill(m.init, unix.SIGKILL)
	}
	m.nspawn.Process.Kill()
	<-m.done
	removeControlGroups(m.t, groups)
	if m.t.Failed() {
		if text, err := os.ReadFile(m.console.Name()); err == nil {
			m.t.Logf("the console of the machine:\n%s", text)
		}
	}
	m.console.Close()
}

// hasBooted reports whether the machine runs all that it was to start.
func (m *Machine) hasBooted() bool {
	select {
	case <-m.done:
		m.t.Fatalf("the machine ended with %s", m.nspawn.ProcessState)
	default:
	}
	if m.init = m.findInit(); m.init == 0 {
		return false
	}
	// It is not "running" when any service of the distribution has failed.
	state, _ := m.Run("systemctl", "is-active", "test.target")
	return state == "active"
}

// findInit returns the PID of the machine's systemd, 0 while there is none.
func (m *Machine) findInit() int {
	pid := m.nspawn.Process.Pid
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pid))
	if err != nil {
		return 0
	}
	for _, child := range strings.Fields(string(children)) {
		name, _ := os.ReadFile("/proc/" + child + "/comm")
		if string(name) == "systemd\n" {
			pid, _ = strconv.Atoi(child)
			return pid
		}
	}
	return 0
}

// Write writes a file of the machine, before it boots.
func (m *Machine) Write(path, text string) {
	m.t.Helper()
	path = filepath.Join(m.root, path)
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(text), 0o644)
	}
	if err != nil {
		m.t.Fatal(err)
	}
}

// Command is a command to run on the machine.
func (m *Machine) Command(ctx context.Context, words ...string) *exec.Cmd {
	inside := []string{"--target", strconv.Itoa(m.init), "--mount", "--pid", "--uts", "--ipc", "--wdns=/"}
	cmd := exec.CommandContext(ctx, "nsenter", append(inside, words...)...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "SYSTEMD_PAGER=", "LC_ALL=C.UTF-8"}
	// nsenter is the parent of what runs inside, and both have to go.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	return cmd
}

// Run runs a command on the machine and returns what it printed.
func (m *Machine) Run(words ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	out, err := m.Command(ctx, words...).CombinedOutput()
	text := strings.TrimSpace(string(out))
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", strings.Join(words, " "), err, text)
	}
	return text, err
}

// MustRun is Run for what has to succeed.
func (m *Machine) MustRun(t testing.TB, words ...string) string {
	t.Helper()
	out, err := m.Run(words...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Spawn starts a process on the machine that does nothing until the test ends,
// and returns the PID it has there.
func (m *Machine) Spawn(t testing.TB) int {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := m.Command(ctx, "sh", "-c", "echo $$; exec sleep infinity")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
	})
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatal(err)
	}
	return pid
}

// Owner connects to the machine's virtlockd and registers an owner whose locks go
// with its process only.
func (m *Machine) Owner(t testing.TB, name string, pid int) *Conn {
	t.Helper()
	conn, err := m.dial(t)
	c := newConn(t, conn, err)
	c.register(name, pid)
	return c
}

// dial connects to the machine's virtlockd from inside: it asks the kernel which
// process the client is, and one outside is none.
func (m *Machine) dial(t testing.TB) (net.Conn, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "here"), os.NewFile(uintptr(pair[1]), "there")
	defer ours.Close() // the connection has a duplicate
	defer theirs.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := m.Command(ctx, socat, "-", "UNIX-CONNECT:"+Socket)
	cmd.Stdin, cmd.Stdout = theirs, theirs
	conn, err := net.FileConn(ours)
	if err = errors.Join(err, cmd.Start()); err != nil {
		cancel()
		return nil, err
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
	})
	return conn, nil
}

// Property returns a property of a unit.
func (m *Machine) Property(t testing.TB, unit, name string) string {
	t.Helper()
	return m.MustRun(t, "systemctl", "show", "--value", "--property="+name, unit)
}

// pollTime is how often a unit's property is looked at by WaitProperty.
const pollTime = 20 * time.Millisecond

// WaitProperty waits until a property of a unit is what it has to be.
func (m *Machine) WaitProperty(t testing.TB, unit, name, want string) {
	t.Helper()
	got := ""
	for deadline := time.Now().Add(Patience); time.Now().Before(deadline); time.Sleep(pollTime) {
		if got = m.Property(t, unit, name); got == want {
			return
		}
	}
	t.Fatalf("%s of %s is still %q, not %q", name, unit, got, want)
}
