package bed

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// nobody is the user and the group without privileges on Debian.
const nobody = 65534

// Session is an unprivileged user of a host, with a libvirtd of its own.
type Session struct {
	*Host
	runtimeDir string
	home       string
}

// NewSession makes the user's directories.
func (h *Host) NewSession() *Session {
	h.t.Helper()
	s := &Session{Host: h, runtimeDir: Dir(h.t), home: Dir(h.t)}
	config := filepath.Join(s.home, ".config", "libvirt")
	if err := os.MkdirAll(config, 0o755); err != nil {
		h.t.Fatalf("make home: %v", err)
	}
	h.Write(filepath.Join(config, "qemu.conf"), "lock_manager = \"lockd\"\nstdio_handler = \"file\"\n")
	Give(h.t, s.runtimeDir, s.home, filepath.Dir(config), config)
	return s
}

// Give makes nobody the owner of files.
func Give(t testing.TB, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if err := os.Chown(path, nobody, nobody); err != nil {
			t.Fatalf("give file to nobody: %v", err)
		}
	}
}

// StartLibvirtd starts the user's libvirtd. When it wants a lock and finds no
// virtlockd it spawns the host's.
func (s *Session) StartLibvirtd() *Process {
	s.t.Helper()
	Need(s.t, libvirtd, virsh, qemu)
	cmd := exec.Command(libvirtd)
	s.become(cmd)
	// The name says path, the value is a folder.
	cmd.Env = append(cmd.Env, "VIRTLOCKD_PATH="+filepath.Dir(s.Lockd.Path(s.t)))
	return s.startServer(cmd, s.socket("libvirt-sock"))
}

// StartVirtlockd starts the user's virtlockd in the foreground.
func (s *Session) StartVirtlockd() *Process {
	s.t.Helper()
	cmd := exec.Command(s.Lockd.Path(s.t))
	s.become(cmd)
	return s.startServer(cmd, s.socket("virtlockd-sock"))
}

// Connect connects to the user's virtlockd as the user.
func (s *Session) Connect() *Conn {
	s.t.Helper()
	var conn net.Conn
	err := s.Do(func() (err error) {
		// Of this thread only, which does not outlive Do. The daemon asks the
		// kernel who connected.
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, nobody, nobody, nobody); errno != 0 {
			return errno
		}
		conn, err = net.Dial("unix", s.socket("virtlockd-sock"))
		return err
	})
	return newConn(s.t, conn, err)
}

// socket is a file in the directory of the user's sockets.
func (s *Session) socket(name string) string {
	return filepath.Join(s.runtimeDir, "libvirt", name)
}

// Create starts a guest in the user's session.
func (s *Session) Create(g Guest) error {
	_, err := s.Virsh("create", s.xmlFile(g.Name, g.xml()))
	return err
}

// Virsh runs a command of virsh as the user.
func (s *Session) Virsh(args ...string) (string, error) {
	out, err := s.run(s.become, virsh, append([]string{"-q", "-c", "qemu:///session"}, args...)...)
	if err != nil {
		err = fmt.Errorf("virsh %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(out), err
}

// Virtlockd is the command line of the daemon that the user's libvirtd spawned.
func (s *Session) Virtlockd() (pid int, program string, args []string) {
	s.t.Helper()
	pid, err := strconv.Atoi(s.Read(s.socket("virtlockd.pid")))
	if err != nil {
		s.t.Fatalf("pid file of the spawned daemon: %v", err)
	}
	if program, err = os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err != nil {
		s.t.Fatalf("spawned daemon: %v", err)
	}
	line := s.Read(fmt.Sprintf("/proc/%d/cmdline", pid))
	return pid, program, strings.Split(strings.TrimSuffix(line, "\x00"), "\x00")[1:]
}

// become makes a command run as the user.
func (s *Session) become(cmd *exec.Cmd) {
	cmd.Env = append(os.Environ(), "HOME="+s.home, "USER=nobody", "XDG_RUNTIME_DIR="+s.runtimeDir)
	cmd.Dir = s.home
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
}
