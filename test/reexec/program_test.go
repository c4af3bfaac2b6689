package reexec

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"virtlock/test/bed"
)

// build builds our daemon as another version.
func build(t testing.TB, version string) string {
	t.Helper()
	path := filepath.Join(bed.Dir(t), "virtlockd")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-X main.version="+version, "-o", path, "virtlock/cmd/virtlockd")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	return path
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	check(t, err)
	os.Remove(to) // as cp and install do with a program that runs
	check(t, os.WriteFile(to, text, 0o755))
}

// TestAnotherProgram replaces the program's file in the ways in which that is done,
// and is answered by the new one.
func TestAnotherProgram(t *testing.T) {
	t.Parallel()
	other := build(t, "9.8.7")
	quick := quickBinary(t)
	expect := func(r *rig, program, version string) {
		t.Helper()
		if got := r.reexec(); got.Version != version || got.Program != program || got.PID != r.daemon.PID() {
			t.Errorf("got %+v instead of %s at %s", got, version, program)
		}
		if s := r.status(); s.Version != version {
			t.Errorf("got %+v", s)
		}
		exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", r.daemon.PID()))
		if real, _ := filepath.EvalSymlinks(program); err != nil || exe != real {
			t.Errorf("%s runs: %v", exe, err)
		}
	}
	t.Run("rename", func(t *testing.T) {
		r := startQuick(t)
		for _, version := range []string{"9.8.7", "0.1.0", "9.8.7"} {
			next := filepath.Join(bed.Dir(t), "next")
			copyFile(t, map[string]string{"9.8.7": other, "0.1.0": quick}[version], next)
			r.replace(next)
			expect(r, r.program, version)
		}
	})
	t.Run("copy", func(t *testing.T) {
		r := startQuick(t)
		copyFile(t, other, r.program)
		expect(r, r.program, "9.8.7")
	})
	t.Run("link", func(t *testing.T) {
		link := filepath.Join(bed.Dir(t), "virtlockd")
		check(t, os.Symlink(quick, link))
		r := &rig{Host: bed.NewHost(t, bed.At(link)), t: t, program: link}
		r.daemon = r.StartVirtlockd()
		r.control = r.Connect()
		expect(r, link, "0.1.0")
		check(t, os.Remove(link))
		check(t, os.Symlink(other, link))
		expect(r, link, "9.8.7")
	})
}

// TestInTheBackground starts with relative paths, which mean what they meant then.
func TestInTheBackground(t *testing.T) {
	t.Parallel()
	r := newRig(t, quickBinary(t))
	dir := filepath.Dir(r.program)
	check(t, os.WriteFile(filepath.Join(dir, "my.conf"), []byte("max_clients = 55\n"), 0o644))
	out, err := r.Run("sh", "-c", "cd "+dir+" && ./virtlockd -d -f my.conf -p my.pid -t 600")
	if err != nil {
		t.Fatalf("start: %v: %s", err, out)
	}
	r.control = r.Connect()
	for range 3 {
		if got := r.reexec(); got.Program != r.program {
			t.Errorf("got %+v", got)
		}
	}
	s := r.status()
	text, err := os.ReadFile(filepath.Join(dir, "my.pid"))
	check(t, err)
	if pid, _ := strconv.Atoi(strings.TrimSpace(string(text))); pid != s.PID || s.MaxClients != 55 {
		t.Errorf("process %d says %+v", pid, s)
	}
	check(t, os.WriteFile(filepath.Join(dir, "my.conf"), []byte("max_clients = 66\n"), 0o644))
	check(t, unix.Kill(s.PID, unix.SIGHUP))
	bed.Eventually(t, "the new limit", func() bool { return r.status().MaxClients == 66 })
	if out, err := r.Run("sh", "-c", "cd "+dir+" && ./virtlockd -f my.conf -p my.pid"); err == nil {
		t.Errorf("a second daemon got the PID file: %s", out)
	}
	check(t, unix.Kill(s.PID, unix.SIGTERM))
	bed.Eventually(t, "the PID file is gone", func() bool { _, err := os.Stat(filepath.Join(dir, "my.pid")); return err != nil })
}
