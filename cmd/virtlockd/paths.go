package main

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"syscall"
)

// paths are the places of a daemon.
type paths struct {
	Config      string
	RunDir      string
	RunDirMode  fs.FileMode
	Socket      string
	AdminSocket string
	PIDFile     string
	LogFile     string
	AuditFile   string
	// Journal and KeeperSocket are for what outlives a daemon.
	Journal      string
	KeeperSocket string
	// LibvirtState is where libvirt's daemon leaves its state to a successor, and
	// looks for that of its predecessor.
	LibvirtState string
}

// defaultPaths returns the paths of the system's daemon for root, and those of
// the session for a user.
func defaultPaths() (paths, error) {
	if os.Geteuid() == 0 {
		return systemPaths(), nil
	}
	return sessionPaths(os.Getenv, homeDir)
}

func systemPaths() paths {
	p := pathsIn("/run/libvirt")
	p.Config = "/etc/libvirt/virtlockd.conf"
	p.RunDirMode = 0o755
	p.PIDFile = "/run/virtlockd.pid" // not in the run directory
	p.LibvirtState = "/run/virtlockd-restart-exec.json"
	p.LogFile = "/var/log/libvirt/virtlockd.log"
	p.AuditFile = "/var/log/libvirt/virtlockd-audit.log"
	return p
}

// sessionPaths returns the paths for a user. The XDG base directory rules say
// that relative values are to be ignored.
func sessionPaths(getenv func(string) string, home func() (string, error)) (paths, error) {
	dir := func(variable, fallback string) (string, error) {
		if path := getenv(variable); filepath.IsAbs(path) {
			return path, nil
		}
		path, err := home()
		return filepath.Join(path, fallback), err
	}
	config, err := dir("XDG_CONFIG_HOME", ".config")
	if err != nil {
		return paths{}, err
	}
	cache, err := dir("XDG_CACHE_HOME", ".cache")
	if err != nil {
		return paths{}, err
	}
	runtime := getenv("XDG_RUNTIME_DIR")
	if !filepath.IsAbs(runtime) {
		runtime = cache
	}
	return sessionPathsIn(config, runtime, cache), nil
}

func sessionPathsIn(config, runtime, cache string) paths {
	p := pathsIn(filepath.Join(runtime, "libvirt"))
	p.Config = filepath.Join(config, "libvirt", "virtlockd.conf")
	p.RunDirMode = 0o700
	p.LogFile = filepath.Join(cache, "libvirt", "virtlockd.log")
	p.AuditFile = filepath.Join(cache, "libvirt", "virtlockd-audit.log")
	return p
}

// pathsIn returns the paths in a run directory.
func pathsIn(runDir string) paths {
	return paths{
		RunDir:      runDir,
		Socket:      filepath.Join(runDir, "virtlockd-sock"),
		AdminSocket: filepath.Join(runDir, "virtlockd-admin-sock"),
		PIDFile:     filepath.Join(runDir, "virtlockd.pid"),

		Journal:      filepath.Join(runDir, "virtlockd-journal"),
		KeeperSocket: filepath.Join(runDir, "virtlockd-keeper-sock"),
		LibvirtState: filepath.Join(runDir, "virtlockd-restart-exec.json"),
	}
}

// homeDir returns the home directory of the user.
func homeDir() (string, error) {
	if home := os.Getenv("HOME"); home != "" {
		return filepath.Abs(home)
	}
	u, err := user.Current()
	if err != nil {
		return "", err
	}
	return filepath.Abs(u.HomeDir)
}

// makeDir makes a directory and those above it, where they are missing. The mode
// does not depend on the umask.
func makeDir(path string, mode fs.FileMode) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return syscall.ENOTDIR
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := makeDir(filepath.Dir(path), mode); err != nil {
		return err
	}
	err = os.Mkdir(path, mode)
	if errors.Is(err, fs.ErrExist) { // somebody was faster, or a link leads nowhere
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			return syscall.ENOTDIR
		}
		return nil
	}
	if err != nil {
		return err
	}
	return os.Chmod(path, mode)
}
