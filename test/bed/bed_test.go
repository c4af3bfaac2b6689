package bed_test

import (
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"virtlock/test/bed"
)

func TestMain(m *testing.M) { bed.Main(m) }

func TestHostsSeeOnlyTheirOwnFiles(t *testing.T) {
	one, two := bed.NewHost(t, bed.Libvirts), bed.NewHost(t, bed.Libvirts)
	one.Write("/run/file", "one")
	if two.Exists("/run/file") {
		t.Error("a file of one host shows on another")
	}
	if _, err := os.Lstat("/run/file"); err == nil {
		t.Error("a file of a host shows outside")
	}
	if text := one.Read("/run/file"); text != "one" {
		t.Errorf("read %q on the host", text)
	}
}

func TestProcessesEndWithTheirHost(t *testing.T) {
	var pids []int
	t.Run("host", func(t *testing.T) {
		h := bed.NewHost(t, bed.Libvirts)
		// One that loses its parent and is in a session of its own, as QEMU is.
		out, err := h.Run("sh", "-c", "setsid sleep infinity >/dev/null 2>&1 & echo $!")
		if err != nil {
			t.Fatalf("start process: %v: %s", err, out)
		}
		orphan, err := strconv.Atoi(strings.TrimSpace(out))
		if err != nil {
			t.Fatal(err)
		}
		pids = []int{orphan, h.Start(exec.Command("sleep", "infinity")).PID()}
		for _, pid := range pids {
			if !bed.Alive(pid) {
				t.Fatalf("process %d does not run", pid)
			}
		}
	})
	for _, pid := range pids {
		bed.Eventually(t, "the process is gone", func() bool { return !bed.Alive(pid) })
	}
}

func TestKernelLocksShowsForeignLocks(t *testing.T) {
	image := bed.Image(t, bed.Dir(t), "a.img")
	for _, c := range []struct {
		kind bed.Kind
		mode int16
		want string
	}{
		{bed.POSIX, unix.F_WRLCK, "POSIX WRITE"},
		{bed.POSIX, unix.F_RDLCK, "POSIX READ"},
		{bed.OFD, unix.F_WRLCK, "OFDLCK WRITE"},
		{bed.OFD, unix.F_RDLCK, "OFDLCK READ"},
	} {
		lock := c.kind.Foreign(t, image, c.mode)
		if got := bed.KernelLocks(t, image); !slices.Equal(got, []string{c.want}) {
			t.Errorf("kernel has %q, want %q", got, c.want)
		}
		if err := lock.Close(); err != nil {
			t.Fatal(err)
		}
		if err := bed.WaitFree(image); err != nil {
			t.Fatal(err)
		}
	}
}
