package reexec

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// quickBinary builds our daemon as "make build" does, without the race detector:
// for what takes many re-execs or is large.
func quickBinary(t testing.TB) string {
	t.Helper()
	dir, err := quickBuild()
	if err != nil {
		t.Fatalf("build our daemon: %v", err)
	}
	return filepath.Join(dir, "virtlockd")
}

// quickBuild is for one directory, which goes with the mount namespace of the tests.
var quickBuild = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "bin")
	if err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-trimpath", "-o", dir, "virtlock/cmd/virtlockd")
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	build.Stderr = os.Stderr
	return dir, build.Run()
})

func startQuick(t testing.TB, args ...string) *rig {
	t.Helper()
	return startAt(t, quickBinary(t), args...)
}
