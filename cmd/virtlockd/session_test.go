package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// nobody is the user whose session it is.
const nobody = 65534

// session returns a command that runs our daemon as another user, whose home is
// the host's directory home.
func (h *host) session(environment []string, words ...string) *exec.Cmd {
	h.t.Helper()
	h.write("home/x", "")
	if err := os.Chown(h.path("home"), nobody, nobody); err != nil {
		h.t.Fatal(err)
	}
	cmd := exec.Command(ours, words...)
	cmd.Dir = "/"
	cmd.Env = append([]string{"HOME=" + h.path("home"), "GORACE=" + os.Getenv("GORACE")}, environment...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	return cmd
}

func TestSession(t *testing.T) {
	tests := []struct {
		name        string
		environment []string // HOST stands for the host's directory
		runDir      string
	}{
		{"nothing set", nil, "home/.cache/libvirt"},
		{"runtime directory", []string{"XDG_RUNTIME_DIR=HOST/home/rt", "XDG_CACHE_HOME=HOST/home/cache"}, "home/rt/libvirt"},
		{"cache directory", []string{"XDG_RUNTIME_DIR=", "XDG_CACHE_HOME=HOST/home/cache"}, "home/cache/libvirt"},
		{"relative ones are ignored", []string{"XDG_RUNTIME_DIR=rt", "XDG_CACHE_HOME=cache"}, "home/.cache/libvirt"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := newHost(t)
			var environment []string
			for _, variable := range test.environment {
				environment = append(environment, strings.ReplaceAll(variable, "HOST", h.dir))
			}
			p := startCommand(t, h.session(environment, "--timeout=120"))
			p.awaitSocket(h.path(test.runDir + "/virtlockd-admin-sock"))
			for name, want := range map[string]string{
				"":                      "drwx------",
				"/../":                  "drwx------",
				"/virtlockd-sock":       "Srwx------",
				"/virtlockd-admin-sock": "Srwx------",
				"/virtlockd.pid":        "-rw-r--r--",
			} {
				if got := h.mode(test.runDir + name); got != want {
					t.Errorf("the mode of %s is %s, want %s", test.runDir+name, got, want)
				}
			}
			if got := h.read(test.runDir + "/virtlockd.pid"); got != fmt.Sprint(p.pid()) {
				t.Errorf("the PID file has %q", got)
			}
			p.end()
			if h.exists(test.runDir+"/virtlockd.pid") || h.exists(test.runDir+"/virtlockd-sock") {
				t.Error("files are left")
			}
		})
	}
}

func TestSessionConfiguration(t *testing.T) {
	for _, test := range []struct{ variable, file string }{
		{"", "home/.config/libvirt/virtlockd.conf"},
		{"XDG_CONFIG_HOME=HOST/home/conf", "home/conf/libvirt/virtlockd.conf"},
	} {
		h := newHost(t)
		h.write(test.file, "max_clients = 'a'")
		got := runCommand(t, h.session([]string{strings.ReplaceAll(test.variable, "HOST", h.dir)}))
		if got.status != exitUsage {
			t.Errorf("got %+v", got)
		}
		checkContains(t, got.stderr, "expected an unsigned integer for 'max_clients' parameter: "+h.path(test.file))
	}
}

func TestSessionInTheBackground(t *testing.T) {
	h := newHost(t)
	got := runCommand(t, h.session(nil, "-d"))
	if got != (result{}) {
		t.Fatalf("got %+v", got)
	}
	h.write("run/virtlockd.pid", h.read("home/.cache/libvirt/virtlockd.pid"))
	pid := h.background()
	if mode := h.mode("home/.cache/libvirt/virtlockd.log"); mode != "-rw-------" {
		t.Errorf("the mode of the log is %s", mode)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if status := h.reap(pid); status != exitOK {
		t.Errorf("ended with status %d", status)
	}
}

func TestSessionHelp(t *testing.T) {
	h := newHost(t)
	got := runCommand(t, h.session(nil, "-h"))
	for _, want := range []string{
		"$XDG_CONFIG_HOME/libvirt/virtlockd.conf\n", "$XDG_RUNTIME_DIR/libvirt/virtlockd-sock\n", "$XDG_RUNTIME_DIR/libvirt/virtlockd.pid\n",
	} {
		checkContains(t, got.stderr, want)
	}
}

func TestASessionThatCannotHaveItsSocket(t *testing.T) {
	h := newHost(t)
	long := h.path("home/" + strings.Repeat("a", 100))
	got := runCommand(t, h.session([]string{"XDG_RUNTIME_DIR=" + long}))
	if got.status != exitSockets || !strings.Contains(got.stderr, "Path "+long+"/libvirt/virtlockd-sock too long for unix socket: File name too long") {
		t.Errorf("got %+v", got)
	}
	got = runCommand(t, h.session([]string{"XDG_RUNTIME_DIR=" + h.path("work")})) // root's
	if got.status != exitRunDir || !strings.Contains(got.stderr, "unable to create rundir "+h.path("work/libvirt")+": Permission denied") {
		t.Errorf("got %+v", got)
	}
}

func TestSessionPathsWithoutAHome(t *testing.T) {
	missing := errors.New("no home")
	home := func() (string, error) { return "", missing }
	if _, err := sessionPaths(func(string) string { return "" }, home); !errors.Is(err, missing) {
		t.Errorf("got %v", err)
	}
	set := func(name string) string { return "/" + name }
	p, err := sessionPaths(set, home)
	if err != nil || p.Socket != "/XDG_RUNTIME_DIR/libvirt/virtlockd-sock" || p.Config != "/XDG_CONFIG_HOME/libvirt/virtlockd.conf" {
		t.Errorf("got %+v, %v", p, err)
	}
}

func TestMakeDir(t *testing.T) {
	dir := t.TempDir()
	if err := makeDir(filepath.Join(dir, "a", "b"), 0o750); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "a/b"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode() != fs.ModeDir|0o750 {
			t.Errorf("%s: got %v, %v", name, info, err)
		}
	}
	if err := makeDir(filepath.Join(dir, "a"), 0o700); err != nil {
		t.Errorf("one that exists: %v", err)
	}
	os.WriteFile(filepath.Join(dir, "file"), nil, 0o600)
	os.Symlink("/no/such/place", filepath.Join(dir, "link"))
	for _, name := range []string{"file", "file/x", "link", "link/x"} {
		if err := makeDir(filepath.Join(dir, name), 0o700); !errors.Is(err, syscall.ENOTDIR) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
