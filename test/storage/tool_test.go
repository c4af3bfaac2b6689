package storage

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"virtlock/test/bed"
)

// tool is a virtlock-admin at work.
type tool struct {
	cmd   *exec.Cmd
	lines chan string // of its output and its errors
}

func startTool(t *testing.T, h *bed.Host, words ...string) tool {
	t.Helper()
	cmd := exec.Command(bed.Binary(t, "virtlock-admin"), words...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := h.Do(cmd.Start); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	return tool{cmd, lines}
}

// says waits for a line. The program may not come to its end before the storage
// answers: the kernel does not let it.
func (p tool) says(t *testing.T, want string) {
	t.Helper()
	late := time.After(bed.Patience)
	var said []string
	for {
		select {
		case line, more := <-p.lines:
			said = append(said, line)
			if strings.Contains(line, want) {
				return
			}
			if !more {
				t.Fatalf("it ended, and never said %q, but:\n%s", want, strings.Join(said, "\n"))
			}
		case <-late:
			t.Fatalf("it hangs, and does not say %q, but:\n%s", want, strings.Join(said, "\n"))
		}
	}
}

// TestToolDoesNotWaitForStorage that hangs for longer than it may, and names it.
func TestToolDoesNotWaitForStorage(t *testing.T) {
	h := bed.NewHost(t, bed.Ours)
	h.StartVirtlockd()
	storage, dir := mountHung(t, h, "a.img")
	image := filepath.Join(dir, "a.img")
	h.Write("/run/guest.xml", `<domain type='qemu'><name>web01</name><devices><disk type='file' device='disk'>`+
		`<source file='`+image+`'/><target dev='vda'/></disk></devices></domain>`)
	web01 := h.Owner("web01", unix.Getpid())
	web01.MustAcquire(bed.Direct(image))
	for name, c := range map[string]struct {
		words  []string
		says   string
		status int
	}{
		"Who":    {[]string{"--timeout", "0.2", "who", image}, `error: the storage of "` + image + `" does not answer`, 1},
		"Check":  {[]string{"--timeout", "0.2", "check", "/run/guest.xml"}, "; its storage does not answer", 0}, // the guest has the lock
		"Doctor": {[]string{"doctor", "--severity", "error"}, "disks: the storage of " + dir + " does not answer", 1},
	} {
		t.Run(name, func(t *testing.T) {
			answer := storage.hang("lookup", "a.img")
			p := startTool(t, h, c.words...)
			p.says(t, c.says)
			answer()
			_ = p.cmd.Wait()
			if status := p.cmd.ProcessState.ExitCode(); status != c.status {
				t.Errorf("exit status %d", status)
			}
		})
	}
}

// TestToolIsInterrupted while the storage hangs.
func TestToolIsInterrupted(t *testing.T) {
	h := bed.NewHost(t, bed.Ours)
	h.StartVirtlockd()
	storage, dir := mountHung(t, h, "a.img")
	answer := storage.hang("lookup", "a.img")
	p := startTool(t, h, "--timeout", "0", "who", filepath.Join(dir, "a.img"))
	storage.waitStuck(t)
	if err := p.cmd.Process.Signal(unix.SIGINT); err != nil {
		t.Fatal(err)
	}
	p.says(t, "error: interrupted")
	answer()
	_ = p.cmd.Wait()
}
