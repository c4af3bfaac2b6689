package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

const (
	qemuProgram = "/usr/bin/qemu-system-x86_64"
	handUUID    = "89abcdef-0123-4567-89ab-cdef01234567"
)

// startQEMU starts a guest by hand, as libvirt would not see it, on a raw image,
// with further options of QEMU's -drive. It returns when the guest may write.
func startQEMU(t testing.TB, name, image, options string) int {
	t.Helper()
	if _, err := os.Stat(qemuProgram); err != nil {
		t.Fatal("missing QEMU: install the Debian package qemu-system-x86")
	}
	cmd := exec.Command(qemuProgram,
		"-name", "guest="+name+",debug-threads=on", "-uuid", handUUID,
		"-machine", "pc,accel=tcg", "-m", "32", "-display", "none", "-nodefaults", "-S",
		"-drive", "if=virtio,format=raw,file="+image+options)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	id, err := identify(image)
	if err != nil {
		t.Fatal(err)
	}
	// It opens an image for reading first.
	eventually(t, "QEMU has opened its disk", func() bool {
		files, _ := openFiles(cmd.Process.Pid, func(other fileID) bool { return other == id })
		return slices.ContainsFunc(files, func(f openFile) bool { return f.Write })
	})
	return cmd.Process.Pid
}

// eventually waits until check is true.
func eventually(t testing.TB, what string, check func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !check(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still not so: %s", what)
		}
	}
}

// newImage makes an image of 1 MiB.
func newImage(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
