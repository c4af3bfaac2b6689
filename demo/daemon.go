package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"virtlock/client"
)

// startDaemon starts the daemon on sockets in dir, as systemd would: it listens
// before the daemon runs, so that nobody has to wait for it.
func startDaemon(programs, dir string) (stop func(), err error) {
	program, err := filepath.Abs(filepath.Join(programs, "virtlockd"))
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "virtlockd.conf")
	if err := os.WriteFile(config, nil, 0o600); err != nil {
		return nil, err
	}
	// LISTEN_PID has to be the daemon's own, which only the process itself can
	// tell (sd_listen_fds(3)).
	daemon := exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$@"`, "sh",
		program, "-f", config, "-p", filepath.Join(dir, "virtlockd.pid"))
	daemon.Env = append(os.Environ(), "LISTEN_FDS=2", "LISTEN_FDNAMES=virtlockd.socket:virtlockd-admin.socket")
	daemon.Stdout, daemon.Stderr = os.Stdout, os.Stderr
	for _, name := range []string{client.MainSocket, client.AdminSocket} {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, name), Net: "unix"})
		if err != nil {
			return nil, err
		}
		defer l.Close()
		l.SetUnlinkOnClose(false) // the daemon has it from now on
		f, err := l.File()
		if err != nil {
			return nil, err
		}
		defer f.Close()
		daemon.ExtraFiles = append(daemon.ExtraFiles, f)
	}
	if err := daemon.Start(); err != nil {
		return nil, err
	}
	return func() {
		daemon.Process.Signal(syscall.SIGTERM)
		if err := daemon.Wait(); err != nil {
			fmt.Println("virtlockd:", err)
		}
	}, nil
}
