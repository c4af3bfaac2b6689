package daemon_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"virtlock/daemon"
)

// roleVariable makes the test's program something else than a test: a daemon
// in a process of its own, or what starts libvirt's.
const roleVariable = "VIRTLOCK_TEST_ROLE"

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "--keeper" {
		exitWith(daemon.RunKeeper())
	}
	role := os.Getenv(roleVariable)
	os.Unsetenv(roleVariable) // not for the processes that this one starts
	switch role {
	case "daemon":
		exitWith(serveChild(os.Args[1]))
	case "virtlockd":
		exitWith(execVirtlockd(os.Args[1:]))
	}
	os.Exit(m.Run())
}

func exitWith(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// inRole makes a command of the test's own program.
func inRole(role string, args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", args...)
	// The race detector's second before a process exits is for reports; those
	// that come are written at once.
	cmd.Env = append(os.Environ(), roleVariable+"="+role, "GORACE=atexit_sleep_ms=0")
	cmd.Stderr = os.Stderr
	// Goes with the test, even if that is killed.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL}
	return cmd
}

// child is our daemon in a process of its own.
type child struct {
	Socket, AdminSocket string
	pid                 int
}

// childConfig is what it is started with.
type childConfig struct {
	Dir                   string // of the sockets
	Files                 uint64 // RLIMIT_NOFILE, if not 0
	MaxClients, MaxAdmins int    // the defaults, if 0
	LogFile               string // if not empty
	// Directories to be mounted so that nothing can be written, and so that
	// there is no room for a file.
	ReadOnly, Full string
	uid            int
}

func (c childConfig) sockets() (main, admin string) {
	return filepath.Join(c.Dir, "virtlockd-sock"), filepath.Join(c.Dir, "virtlockd-admin-sock")
}

// startChild starts the daemon. It must exit well at the end of the test.
func startChild(t *testing.T, config childConfig) child {
	t.Helper()
	config.Dir = shortDir(t)
	if config.uid != 0 {
		if err := os.Chown(config.Dir, config.uid, config.uid); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	cmd := inRole("daemon", string(text))
	if config.ReadOnly != "" || config.Full != "" {
		cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWNS
	}
	if config.uid != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(config.uid), Gid: uint32(config.uid)}
	}
	ready, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(unix.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("daemon in a process of its own: %v", err)
		}
	})
	if _, err := ready.Read(make([]byte, 1)); err != nil {
		t.Fatalf("daemon in a process of its own did not start: %v", err)
	}
	main, admin := config.sockets()
	return child{main, admin, cmd.Process.Pid}
}

// serveChild is the daemon's process.
func serveChild(text string) error {
	var c childConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	if err := c.mount(); err != nil {
		return err
	}
	if c.Files != 0 {
		limit := unix.Rlimit{Cur: c.Files, Max: c.Files}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			return err
		}
	}
	config, err := c.daemonConfig()
	if err != nil {
		return err
	}
	d, err := daemon.New(config)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM)
	defer stop()
	fmt.Println("ready")
	return d.Serve(ctx)
}

// mount mounts what the daemon is to see, in the mount namespace of the process.
func (c childConfig) mount() error {
	if c.ReadOnly == "" && c.Full == "" {
		return nil
	}
	return errors.Join(
		unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""),
		unix.Mount("tmpfs", c.ReadOnly, "tmpfs", unix.MS_RDONLY, ""),
		unix.Mount("tmpfs", c.Full, "tmpfs", 0, "nr_inodes=1"), // its root takes one
	)
}

func (c childConfig) daemonConfig() (daemon.Config, error) {
	config := daemon.Config{Settings: daemon.DefaultSettings(), Version: "test"}
	if c.MaxClients != 0 {
		config.Settings.MaxClients = c.MaxClients
	}
	if c.MaxAdmins != 0 {
		config.Settings.AdminMaxClients = c.MaxAdmins
	}
	var err error
	if c.LogFile != "" {
		config.Settings.LogOutputs = "1:file:" + c.LogFile
		if config.Log, err = daemon.OpenLog(config.Settings, ""); err != nil {
			return config, err
		}
	}
	main, admin := c.sockets()
	if config.Listener, err = net.ListenUnix("unix", &net.UnixAddr{Name: main, Net: "unix"}); err != nil {
		return config, err
	}
	config.AdminListener, err = net.ListenUnix("unix", &net.UnixAddr{Name: admin, Net: "unix"})
	return config, err
}

// execVirtlockd becomes a program with a /run of its own, in the mount
// namespace that it was started in.
func execVirtlockd(argv []string) error {
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mount /run: %w", err)
	}
	if err := os.Mkdir("/run/libvirt", 0o755); err != nil {
		return err
	}
	return fmt.Errorf("start %s: %w", argv[0], unix.Exec(argv[0], argv, os.Environ()))
}
