package bed

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Binary builds virtlock/cmd/NAME with the race detector, once per run of the
// tests, and returns its path. Any user may execute it.
func Binary(t testing.TB, name string) string {
	t.Helper()
	Need(t, "/usr/bin/gcc")
	dir, err := binaries()
	if err != nil {
		t.Fatalf("build our commands: %v", err)
	}
	return filepath.Join(dir, name)
}

// WithFailpoints is our daemon, built to end where VIRTLOCKD_FAILPOINT says: see
// daemon/internal/failpoint.
func WithFailpoints(t testing.TB) Daemon {
	t.Helper()
	Need(t, "/usr/bin/gcc")
	dir, err := failing()
	if err != nil {
		t.Fatalf("build our commands: %v", err)
	}
	return Daemon{Name: "ours with failpoints", path: filepath.Join(dir, "virtlockd")}
}

// Quick is our daemon without the race detector, for what takes many of its lives:
// the detector has each of them wait a second at its end.
func Quick(t testing.TB) Daemon {
	t.Helper()
	dir, err := plain()
	if err != nil {
		t.Fatalf("build our commands: %v", err)
	}
	return Daemon{Name: "ours without the race detector", path: filepath.Join(dir, "virtlockd")}
}

var (
	binaries = sync.OnceValues(func() (string, error) { return build("-race") })
	failing  = sync.OnceValues(func() (string, error) { return build("-race", "-tags", "failpoints") })
	plain    = sync.OnceValues(func() (string, error) { return build() })
	next     = sync.OnceValues(func() (string, error) { return build("-ldflags", "-X main.version="+NextVersion) })
)

// build builds all our commands into one directory. It goes with the mount
// namespace of the tests.
func build(options ...string) (string, error) {
	dir, err := os.MkdirTemp("", "bin")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	args := append([]string{"build", "-o", dir}, options...)
	build := exec.Command("go", append(args, "virtlock/cmd/...")...)
	build.Stderr = os.Stderr // once, not in the message of each test
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("go build: %w", err)
	}
	return dir, watchSources()
}

// Install builds and installs below a directory as a user does, without the race
// detector.
func Install(t testing.TB, root string) {
	t.Helper()
	module, err := moduleDir()
	if err == nil {
		err = watchSources()
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("make", "-C", module, "install", "DESTDIR="+root, "PREFIX=/usr").CombinedOutput()
	if err != nil {
		t.Fatalf("make install: %v: %s", err, out)
	}
}

// moduleDir is where our sources are.
func moduleDir() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "virtlock").Output()
	if err != nil {
		return "", fmt.Errorf("find module: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// NextVersion is the version of the daemon Next.
const NextVersion = "99.0.0"

// nextBinary is Binary for the daemon Next, but without the race detector: it is
// what is shipped.
func nextBinary(t testing.TB) string {
	t.Helper()
	Need(t, "/usr/bin/gcc")
	dir, err := next()
	if err != nil {
		t.Fatalf("build our daemon with version %s: %v", NextVersion, err)
	}
	return filepath.Join(dir, "virtlockd")
}

// watchSources reads the directories of our sources, which is how the go
// command learns that a result of these tests must not be taken from its cache
// once one of them changes: it sees imports, not what a test builds and starts.
func watchSources() error {
	root, err := moduleDir()
	if err != nil {
		return err
	}
	for _, dir := range []string{"cmd", "client", "daemon", "systemd", "Makefile"} {
		nothing := func(_ string, _ fs.DirEntry, err error) error { return err }
		if err := filepath.WalkDir(filepath.Join(root, dir), nothing); err != nil {
			return err
		}
	}
	return nil
}
